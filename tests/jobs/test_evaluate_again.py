"""The same evaluation again: after its end, an interruption, a kill, a loss."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cluster.session import connect
from jobs import evaluate
from jobs.command import main
from tests.cluster.films import film_rows, write_films
from tests.jobs.evaluations import command, scores, write_place


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[None]:
    with connect(num_cpus=2):
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_place(tmp_path_factory.mktemp("evaluate"))


def test_the_same_command_again_writes_the_same_and_another_is_refused(place: Path, capsys) -> None:
    one = command(place, "metrics=[mauc]", output="again")
    assert main(one) == 0
    before = (place / "again/metrics.json").read_bytes()
    assert main(one) == 0
    assert (place / "again/metrics.json").read_bytes() == before
    capsys.readouterr()
    assert main([*one, "real_split=train"]) == 4
    assert "plan.real.split" in capsys.readouterr().err
    assert (place / "again/metrics.json").read_bytes() == before


@pytest.mark.parametrize("split", [[], ["real_split=test"]])
def test_a_finished_evaluation_says_the_same_again_without_its_passes(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys, split: list[str]
) -> None:
    damaged = [
        dataclasses.replace(row, image=b"no image" if index % 16 == 0 else row.image)
        for index, row in enumerate(film_rows(60, seed=1))
    ]
    name = f"damaged{len(split)}"
    write_films(place / name, damaged, [25])
    one = command(place, f"real={place / name}", "metrics=[mauc]", *split, output=f"finished-{name}")
    assert main(one) == 0
    first = capsys.readouterr().out
    assert "unreadable" in first
    summary = place / f"finished-{name}/summary.json"
    before = summary.read_bytes()
    real = json.loads(before)["real"]
    assert (real["films"], real["unreadable"]) == ((15, 4) if split else (60, 4))
    summary.unlink()

    monkeypatch.delattr(evaluate, "connect")  # no Ray
    monkeypatch.delattr(evaluate, "take_census")
    assert main(one) == 0
    assert capsys.readouterr().out == first
    assert summary.read_bytes() == before
    assert main([*one, "synthetic_split=train"]) == 4


def test_an_evaluation_killed_while_it_writes_its_results_is_not_finished(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = command(place, "metrics=[mauc]", output="killed")

    def killed(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(evaluate, "scores_to_json", killed)
        assert main(one) == 3
    assert (place / "killed/metrics.parquet").exists()
    assert not (place / "killed/metrics.json").exists()
    assert main(one) == 0
    assert pq.read_table(place / "killed/metrics.parquet").num_rows == len(scores(place / "killed"))


@pytest.mark.parametrize(
    ("lost", "damage", "code", "says"),
    [("run.json", None, 4, "unknown run"), (None, b"[1]", 2, "Delete the file")],
)
def test_metrics_that_cannot_be_trusted_are_not_taken(
    place: Path, tmp_path: Path, capsys, lost: str | None, damage: bytes | None, code: int, says: str
) -> None:
    one = command(place, "metrics=[]", output="taken")
    assert main(one) == 0
    shutil.copytree(place / "taken", tmp_path / "taken")
    if lost is not None:
        (tmp_path / "taken" / lost).unlink()
    if damage is not None:
        (tmp_path / "taken/metrics.json").write_bytes(damage)
    capsys.readouterr()
    assert main([*one[:-1], f"output={tmp_path / 'taken'}"]) == code
    assert says in capsys.readouterr().err


def test_an_interrupted_evaluation_goes_on_from_its_features(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    measure = evaluate.measure

    def interrupted(*arguments) -> Iterator[object]:
        yield next(measure(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate, "measure", interrupted)
    one = command(place, "metrics=[mauc]", output="interrupted")
    assert main(one) == 3
    assert not (place / "interrupted/metrics.json").exists()
    monkeypatch.undo()
    assert main(one) == 0
    assert (place / "interrupted/metrics.json").exists()
