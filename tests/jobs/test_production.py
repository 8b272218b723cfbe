"""The production of a run: what a bound on cost lets begin, by workers that only pretend to work."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster import dispatch
from cluster.corpus import Corpus
from cluster.generation import Choices, resolve_plan, resolve_sampler, run_record
from cluster.member import Member
from cluster.pool import Pool
from cluster.recipe import Ready, Receipt, Task
from cluster.selection import select_all
from cluster.storage import Storage
from cluster.usage import Budget, Usage, UsageLog
from diffcxr.errors import FailingError, IncompleteError
from jobs import production
from jobs.generation_summary import Tally
from jobs.production import Production
from tests.generated_run import CHOICES
from tests.reports_corpus import reports_corpus

BATCH_SECONDS = 300.0  # and a unit is two batches


class Workers:
    """Stands for a pool of a hundred loaded workers: what one is given is done when it is waited for."""

    def __init__(self) -> None:
        actor = SimpleNamespace(run=SimpleNamespace(remote=lambda task: (self.begun.append(task), task)[1]))
        ready = Ready(pid=1, film_shape=(32, 32), stack={})
        self.begun: list[Task] = []
        self.done = 0
        self.members = [Member(actor, None, ready=ready) for _ in range(100)]
        self.notices: Sequence[Any] = ()
        self.stopped = False

    @property
    def in_hand(self) -> int:
        return sum(len(member.tasks) for member in self.members)

    @property
    def worker_seconds(self) -> float:
        return self.done * 2 * BATCH_SECONDS

    def measure(self) -> float:
        return BATCH_SECONDS

    def stop(self) -> None:
        self.stopped = True

    def size_to(self, waiting: int) -> None:
        pass

    def prove(self, member: Member) -> None:
        member.proven = True

    def wait(self, tasks: list[Task], **_: Any) -> tuple[list[Task], list[Task]]:
        return tasks[:1], tasks[1:]

    def get(self, task: Task) -> Receipt:
        self.done += 1
        return Receipt(unit=task.unit.number, rows=8, committed=True, seconds_denoising=2 * BATCH_SECONDS)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Workers:
    made = Workers()
    monkeypatch.setattr(dispatch, "ray", made)
    monkeypatch.setattr(production, "RunMetrics", lambda _: SimpleNamespace(workers=id, count=id))
    return made


def produce(corpus: Corpus, output: Storage, workers: Workers, max_cost: float | None) -> None:
    choices, selected = Choices(**CHOICES | {"images_per_shard": 8}), select_all(corpus, None)
    sampler = resolve_sampler(choices, "null", "cpu", is_diffcxr=False, there=None)
    plan = resolve_plan(choices, selected, sampler.batch_size, (32, 32))
    Production(
        record=run_record(choices, corpus, selected, sampler, plan, (32, 32), {}),
        corpus=corpus,
        output=output,
        plan=plan,
        budget=None if max_cost is None else Budget(max_cost, price_per_hour=6.0, hours_before=0.5),
        resumed=False,
        progress=False,
    ).run(cast(Pool, workers), Tally(), UsageLog(output, Usage(device="cuda", threads=1)))


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return reports_corpus(tmp_path / "reports", reports=8 * 250)


@pytest.mark.parametrize("max_cost", [3.9, 33.5, 153.5, 203.5])  # 3 were spent before, and a unit costs 1
def test_a_hundred_workers_begin_no_unit_that_the_bound_does_not_cover(
    corpus: Corpus, tmp_path: Path, workers: Workers, max_cost: float
) -> None:
    with pytest.raises(IncompleteError, match="max_cost"):
        produce(corpus, Storage.at(tmp_path / "out"), workers, max_cost)
    assert len(workers.begun) == workers.done == int(max_cost) - 3


@pytest.mark.parametrize("max_cost", [None, 253.5])
def test_a_bound_that_covers_the_run_and_none_let_it_end(
    corpus: Corpus, tmp_path: Path, workers: Workers, max_cost: float | None
) -> None:
    produce(corpus, Storage.at(tmp_path / "out"), workers, max_cost)
    assert workers.done == 250


def test_where_no_batch_can_be_timed_the_bound_is_kept_by_beginning_nothing(
    corpus: Corpus, tmp_path: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die() -> float:
        raise FailingError("no batch could be timed", "null", "Run the same command again.")

    monkeypatch.setattr(workers, "measure", die)
    with pytest.raises(FailingError, match="timed"):
        produce(corpus, Storage.at(tmp_path / "out"), workers, 100.0)
    assert not workers.begun
