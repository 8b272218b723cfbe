"""How a run begins beside another, and ends: told, finished, or out of disk, without a cluster."""

import errno
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from cluster.corpus import Corpus
from cluster.generation import recipe_of
from cluster.recipe import Ready, Sampler, Task
from cluster.selection import select_rejected
from cluster.storage import Storage
from cluster.storage_errors import explain
from cluster.usage import UsageLog
from cluster.worker import Worker
from diffcxr.null_pipeline import NullPipeline
from jobs import generate
from jobs.command import main
from jobs.production import Production
from tests.committed import committed_objects
from tests.generated_run import generated_run
from tests.jobs.generations import config_for
from tests.reports_corpus import reports_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return reports_corpus(tmp_path / "reports", reports=20)


class OneWorkerHere:
    """A pool without Ray: its one worker is loaded, and makes nothing by itself."""

    differing: frozenset[str] = frozenset()

    def __init__(self, sampler: Sampler, smallest: int, largest: int) -> None:
        self.worker = Worker(sampler, NullPipeline())

    def first(self) -> Ready:
        return self.worker.warm_up()

    def close(self) -> None:
        self.worker.close()


def test_a_finished_run_is_recognised_without_a_cluster(corpus: Corpus, tmp_path: Path) -> None:
    generated_run(corpus, tmp_path / "out")
    before = committed_objects(tmp_path / "out")
    summary = generate.run(config_for(corpus, tmp_path / "out", steps=2))
    assert (summary.exit_code, summary.values["made_now"], summary.values["images"]) == (0, 0, 20)
    assert committed_objects(tmp_path / "out") == before


def test_a_retry_says_what_it_makes_otherwise_than_the_parent(tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "reports", texts={2: ""})
    generated_run(corpus, tmp_path / "first")
    parent = Corpus.open(tmp_path / "first")
    selected = select_rejected(corpus, parent, 1, limit=None)
    generated_run(corpus, tmp_path / "again", selected=selected, prompt="{view}", steps=3)
    settings = {"rejected": "retry", "parent": parent.uri, "prompt": "{view}", "steps": 3}
    (note,) = generate.run(config_for(corpus, tmp_path / "again", **settings)).values["notes"]
    assert "pixels.steps is 2 there and 3 here" in note and "pixels.prompt" in note and "seed" not in note


def test_usage_that_cannot_be_read_does_not_spoil_a_finished_run(corpus: Corpus, tmp_path: Path) -> None:
    generated_run(corpus, tmp_path / "out")
    Storage.at(tmp_path / "out").create("usage/a.json", b"{")
    summary = generate.run(config_for(corpus, tmp_path / "out", steps=2))
    assert (summary.exit_code, summary.values["images"]) == (0, 20)
    assert any("used cannot be told" in note for note in summary.values["notes"])


@pytest.fixture
def resumed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Runs work here and now; what each was told of whether another driver may be at work."""
    told: list[bool] = []

    def make_here(production: Production, pool: OneWorkerHere, tally: object, log: UsageLog) -> None:
        told.append(production.resumed)
        recipe = recipe_of(production.record, production.corpus, production.output)
        for number in range(len(production.plan)):
            pool.worker.run(Task(recipe, production.plan.unit(number)))
        log.update(1.0, now=True)

    monkeypatch.setattr(generate, "Pool", OneWorkerHere)
    monkeypatch.setattr(generate, "connect", lambda address: nullcontext())
    monkeypatch.setattr(generate, "_device", lambda config: "cpu")
    monkeypatch.setattr(Production, "run", make_here)
    return told


def test_of_two_drivers_that_saw_no_record_the_second_knows_of_the_first(
    resumed: list[bool], corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "_record_there", lambda output, corpus: None)
    for _ in range(2):
        assert generate.run(config_for(corpus, tmp_path / "out", device="cpu")).exit_code == 0
    assert resumed == [False, True]


@pytest.mark.parametrize("path", ["run.json", "corpus.json", "summary.json"])
def test_a_disk_that_fills_up_under_a_run_is_exit_3(
    resumed: list[bool],
    corpus: Corpus,
    tmp_path: Path,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write = {name: getattr(Storage, name) for name in ("create", "replace")}

    def full(name: str) -> Callable[[Storage, str, bytes], object]:
        def fail(storage: Storage, written: str, data: bytes) -> object:
            if written == path:
                raise explain(OSError(errno.ENOSPC, "full"), written, "write")
            return write[name](storage, written, data)

        return fail

    for name in write:
        monkeypatch.setattr(Storage, name, full(name))
    command = [
        "generate",
        f"corpus={corpus.uri}",
        f"output={tmp_path / 'out'}",
        "model=null",
        "workers.max=1",
    ]
    assert main(command) == 3
    assert capsys.readouterr().err.endswith("run the same command again.\n")
