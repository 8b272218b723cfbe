"""One bar after another, whoever of several workers tells of it."""

from itertools import groupby

import pytest

from jobs import training_bars
from jobs.stages.relay import Told
from jobs.training_bars import TrainingBars


def told(desc: str, done: int) -> Told:
    return Told(desc=desc, unit="film", done=done, total=10, note="")


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The last state of each bar, in the order in which they were shown."""
    printed = [line.partition(" film")[0] for line in capsys.readouterr().err.splitlines()]
    return [list(states)[-1] for _, states in groupby(printed, key=lambda line: line.partition(":")[0])]


def test_a_bar_is_of_the_furthest_and_one_who_is_behind_is_seen_when_it_is_full(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with TrainingBars() as bars:
        for desc, done in (("read", 10), ("encode", 3), ("read", 2), ("encode", 2), ("encode", 4)):
            bars.show(told(desc, done))
        bars.show(told("encode", 10))
        bars.show(told("read", 5))
    assert lines(capsys) == ["read: 10/10", "encode: 10/10", "read: 5/10"]


def test_what_is_begun_again_is_seen_once_the_other_is_silent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with TrainingBars() as bars:
        for desc, done in (("read", 10), ("train", 4), ("read", 2)):
            bars.show(told(desc, done))
        monkeypatch.setattr(training_bars, "_SILENT_S", 0.0)
        bars.show(told("read", 3))
        bars.show(told("train", 1))
    assert lines(capsys) == ["read: 10/10", "train: 4/10", "read: 3/10", "train: 1/10"]
