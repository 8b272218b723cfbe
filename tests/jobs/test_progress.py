"""Progress is a bar on a terminal and plain lines elsewhere, with rate and time left."""

from __future__ import annotations

import io
import re
import sys

import pytest

from jobs.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(total=4, unit="images", desc="generate") as bar:
        for _ in range(4):
            bar.update()
    printed = capsys.readouterr().err
    assert "\r" not in printed
    lines = printed.splitlines()
    assert re.fullmatch(r"generate: 4/4 images, +[\d.]+ images/s, ETA 00:00", lines[-1]), lines
    assert len(lines) <= 2


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(progress(["a", "b"], total=2, unit="rows", desc="corpus")) == ["a", "b"]
    assert "corpus: 100%" in terminal.getvalue()


def test_what_an_earlier_run_did_counts(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(total=10, unit="images", desc="generate", initial=9) as bar:
        bar.note("3 rejected")
        bar.update()
    last = capsys.readouterr().err.splitlines()[-1]
    assert "10/10 images" in last
    assert last.endswith(", 3 rejected")


def test_the_last_state_is_shown_when_the_work_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), progress(total=3, unit="images", desc="generate") as bar:
        bar.update(2)
        raise RuntimeError
    assert "2/3 images" in capsys.readouterr().err.splitlines()[-1]


def test_without_a_total_the_count_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(list(progress(iter(range(5)), unit="rows", desc="corpus"))) == 5
    assert "corpus: 5 rows" in capsys.readouterr().err.splitlines()[-1]
