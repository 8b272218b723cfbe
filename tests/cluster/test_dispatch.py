"""The pool on a real Ray cluster: workers die, units do not."""

import logging
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cluster import dispatch as dispatching
from cluster import patience
from cluster.batches import KILLED_WORKER
from cluster.corpus import Corpus
from cluster.dispatch import Lost, dispatch
from cluster.events import EVENTS
from cluster.plan import Plan, plan_units
from cluster.pool import Pool, WorkerActor
from cluster.recipe import Ready, Receipt, Recipe, Sampler, Task
from cluster.reports import count_reports
from cluster.session import connect
from cluster.shard import read_footer, shard_path
from cluster.standing import ATTEMPTS
from cluster.storage import Storage
from cluster.storage_errors import CredentialsError, UnavailableError
from cluster.worker import Worker
from diffcxr.errors import RefusedError
from diffcxr.null_pipeline import NullPipeline
from diffcxr.sources.row import Reject
from tests.null_sampler import NULL_SAMPLER
from tests.reports_corpus import reports_corpus


class KillerPipeline(NullPipeline):
    """One prompt ends the process, as a fault in native code would."""

    def __call__(self, prompt: Any, **rest: Any) -> Any:
        if any("number 7." in text for text in prompt):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(prompt, **rest)


class KillerActor(WorkerActor):
    def load(self, sampler: Sampler) -> Ready:
        self._worker = Worker(sampler, KillerPipeline())
        return self._worker.warm_up()


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[None]:
    with connect(num_cpus=2):
        yield


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(NULL_SAMPLER, smallest=1, largest=2)
    yield made
    made.close()


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return reports_corpus(tmp_path / "corpus", reports=40)


def recipe_for(corpus: Corpus, output: Path) -> Recipe:
    return Recipe(
        corpus=corpus.uri,
        corpus_digest=corpus.digest,
        output=str(output),
        plan_hash="a-plan",
        prompt="{text}",
        seed=5,
        image_format="png",
        model_digest="null",
    )


def plan_for(corpus: Corpus) -> Plan:
    return plan_units(count_reports(corpus, None), images_per_shard=2)


def test_every_unit_is_committed_although_a_worker_is_killed(
    pool: Pool, corpus: Corpus, tmp_path: Path
) -> None:
    plan = plan_for(corpus)
    ready = pool.first()
    answers = []
    for answer in dispatch(pool, recipe_for(corpus, tmp_path / "out"), plan, range(len(plan))):
        if not answers:
            os.kill(ready.pid, signal.SIGKILL)
        answers.append(answer)
    lost = [answer for answer in answers if isinstance(answer, Lost)]
    assert lost
    receipts = [answer for answer in answers if isinstance(answer, Receipt)]
    assert sorted(receipt.unit for receipt in receipts) == list(range(20))
    made = sum(receipt.rows for receipt in receipts)
    # A unit that was committed before its receipt came home is found there, and not made again.
    assert 40 - 2 * sum(len(answer.units) for answer in lost) <= made <= 40
    stored = {stored.path for stored in Storage.at(tmp_path / "out").list()}
    assert stored == {shard_path(number) for number in range(20)}


def test_a_row_that_kills_its_worker_is_found_and_costs_itself_alone(corpus: Corpus, tmp_path: Path) -> None:
    plan = plan_for(corpus)
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=1, actor=KillerActor)) as pool:
        answers = list(dispatch(pool, recipe_for(corpus, tmp_path / "out"), plan, [2, 3, 4]))
    assert sorted(answer.unit for answer in answers if isinstance(answer, Receipt)) == [2, 3, 4]
    footers = [read_footer(Storage.at(tmp_path / "out"), shard_path(number)) for number in (2, 3, 4)]
    assert [footer.rows for footer in footers] == [2, 1, 2]
    assert footers[1].rejects == (Reject(report_id="study-007", reason=KILLED_WORKER),)


def hanging_once(folder: Path) -> type[WorkerActor]:
    """Workers of which the first that is given unit 3 hangs, and leaves a file `hangs`."""

    class Hanging(WorkerActor):
        def run(self, task: Task) -> Receipt:
            if task.unit.number == 3 and not (folder / "hangs").exists():
                (folder / "hangs").touch()
                time.sleep(3600)
            return super().run(task)

    return Hanging


def test_a_unit_of_a_worker_that_hangs_is_made_by_another_one_and_counts_once(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_LEAST_SECONDS", 1.0)
    plan = plan_for(corpus)
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=2, actor=hanging_once(tmp_path))) as pool:
        answers = list(dispatch(pool, recipe_for(corpus, tmp_path / "out"), plan, range(len(plan))))
    assert (tmp_path / "hangs").exists()
    told = [answer for answer in answers if answer is not None]
    assert sorted(answer.unit for answer in told if isinstance(answer, Receipt)) == list(range(20))
    assert len(told) == 20, "and nothing was lost"


def test_what_fails_on_a_broken_machine_goes_to_a_worker_that_has_made_units(
    corpus: Corpus, tmp_path: Path
) -> None:
    class OneIsSound(WorkerActor):
        def load(self, sampler: Sampler) -> Ready:
            try:
                (tmp_path / "sound").touch(exist_ok=False)
            except FileExistsError:
                self._broken = True
            else:
                self._broken = False
            return super().load(sampler)

        def run(self, task: Task) -> Receipt:
            if self._broken:
                (tmp_path / "failed").touch()
                raise MemoryError
            while not (tmp_path / "failed").exists():
                time.sleep(0.05)
            time.sleep(1.0 if task.unit.number < 2 else 0.1)
            return super().run(task)

    plan, recipe = plan_for(corpus), recipe_for(corpus, tmp_path / "out")
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=2, actor=OneIsSound)) as pool:
        pool.first()
        answers = list(dispatch(pool, recipe, plan, range(len(plan))))
    made = [answer.unit for answer in answers if isinstance(answer, Receipt)]
    lost = Counter(unit for answer in answers if isinstance(answer, Lost) for unit in answer.units)
    assert sorted(made) == list(range(20))
    assert {2, 3} <= lost.keys() and {2, 3} <= set(made[:6]), "before units that nobody has tried"
    assert set(lost.values()) == {1}, "none of them came back to the broken one's successor"
    assert not any(read_footer(Storage.at(recipe.output), shard_path(unit)).rejects for unit in range(20))


def test_a_machine_on_which_starts_fail_is_left_alone_and_ends_no_healthy_run(
    corpus: Corpus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class OneStarts(WorkerActor):
        def load(self, sampler: Sampler) -> Ready:
            if len(list(tmp_path.glob("start-*"))):
                (tmp_path / f"start-{os.getpid()}").touch()
                raise RuntimeError
            (tmp_path / "start-0").touch()
            return super().load(sampler)

        def run(self, task: Task) -> Receipt:
            while len(list(tmp_path.glob("start-*"))) <= ATTEMPTS:
                time.sleep(0.1)
            return super().run(task)

    caplog.set_level(logging.INFO, EVENTS.name)
    plan, recipe = plan_for(corpus), recipe_for(corpus, tmp_path / "out")
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=2, actor=OneStarts)) as pool:
        pool.first()
        answers = list(dispatch(pool, recipe, plan, range(len(plan))))
    assert sorted(answer.unit for answer in answers if isinstance(answer, Receipt)) == list(range(20))
    failed = [record.created for record in caplog.records if record.msg == "worker failed to start"]
    assert len(failed) >= ATTEMPTS
    assert all(later - sooner > 2**number for number, (sooner, later) in enumerate(pairwise(failed)))


def test_the_only_worker_is_ended_where_it_hangs_and_what_it_had_is_made(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(patience, "_LEAST_SECONDS", 0.5)
    monkeypatch.setattr(patience, "_OUTAGE_SECONDS", 2.0)
    monkeypatch.setattr(dispatching, "_TELL_SECONDS", 1.0)
    caplog.set_level(logging.INFO, EVENTS.name)
    plan = plan_for(corpus)
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=1, actor=hanging_once(tmp_path))) as pool:
        answers = list(dispatch(pool, recipe_for(corpus, tmp_path / "out"), plan, range(len(plan))))
    assert sorted(answer.unit for answer in answers if isinstance(answer, Receipt)) == list(range(20))
    assert [answer.error for answer in answers if isinstance(answer, Lost)] == ["Hangs"]
    told = [record.facts for record in caplog.records if record.msg == "silence"]  # type: ignore[attr-defined]
    assert any(3 in facts["units"] for facts in told), "before that, it was said"


def test_a_film_is_counted_although_the_twin_of_who_made_it_answers_first(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(WorkerActor):
        def run(self, task: Task) -> Receipt:
            receipt = super().run(task)
            if task.unit.number == 3:
                if receipt.committed:
                    while not (tmp_path / "twin").exists():
                        time.sleep(0.1)
                    time.sleep(1)  # for the twin's answer
                else:
                    (tmp_path / "twin").touch()
            return receipt

    monkeypatch.setattr(patience, "_LEAST_SECONDS", 1.0)
    plan = plan_for(corpus)
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=2, actor=Slow)) as pool:
        answers = list(dispatch(pool, recipe_for(corpus, tmp_path / "out"), plan, range(len(plan))))
    receipts = [answer for answer in answers if isinstance(answer, Receipt)]
    assert [receipt.committed for receipt in receipts if receipt.unit == 3] == [False, True]
    assert sum(receipt.rows for receipt in receipts if receipt.committed) == 40


def test_the_store_s_silence_is_counted_from_the_first_worker_that_it_fails(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forsaken(WorkerActor):
        def run(self, task: Task) -> Receipt:
            time.sleep(0.6)  # longer than the store may be silent
            if task.unit.number == 1 or not (tmp_path / "blip").exists():
                (tmp_path / "blip").touch()
                raise UnavailableError("the store does not answer", "s3://bucket", "Try later.")
            return super().run(task)

    monkeypatch.setattr(dispatching, "OUTAGE_SECONDS", 0.5)
    plan, recipe = plan_for(corpus), recipe_for(corpus, tmp_path / "out")
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=1, actor=Forsaken)) as pool:
        answers = [answer for answer in dispatch(pool, recipe, plan, [0]) if answer is not None]
        assert [type(answer) for answer in answers] == [Lost, Receipt], "a blip ends nothing"
        with pytest.raises(UnavailableError):
            list(dispatch(pool, recipe, plan, [1]))


def test_keys_that_one_machine_has_not_now_end_a_run_only_where_none_ever_had_them(
    corpus: Corpus, tmp_path: Path
) -> None:
    class Keyless(WorkerActor):
        def run(self, task: Task) -> Receipt:
            if task.unit.number == 1 and not (tmp_path / "renewed").exists():
                (tmp_path / "renewed").touch()
                raise CredentialsError("no AWS credentials", "s3://bucket", "Set them.")
            return super().run(task)

    plan, recipe = plan_for(corpus), recipe_for(corpus, tmp_path / "out")
    pools = [Pool(NULL_SAMPLER, smallest=1, largest=1, actor=Keyless) for _ in range(2)]
    with closing(pools[0]) as pool, pytest.raises(CredentialsError):
        list(dispatch(pool, recipe, plan, [1]))
    (tmp_path / "renewed").unlink()
    with closing(pools[1]) as pool:
        # The last of three: a worker has two in hand, and so has made one before it gets it.
        answers = [answer for answer in dispatch(pool, recipe, plan, [2, 3, 1]) if answer is not None]
    (lost,) = [answer for answer in answers if isinstance(answer, Lost)]
    assert lost.error == "CredentialsError" and 1 in lost.units  # perhaps with what it had beside
    assert sorted(answer.unit for answer in answers if isinstance(answer, Receipt)) == [1, 2, 3]


def test_another_run_s_shard_ends_the_run(pool: Pool, corpus: Corpus, tmp_path: Path) -> None:
    plan, recipe = plan_for(corpus), recipe_for(corpus, tmp_path / "out")
    pool.first()
    list(dispatch(pool, recipe, plan, [3]))
    with pytest.raises(RefusedError, match="another run"):
        list(dispatch(pool, replace(recipe, plan_hash="another"), plan, range(len(plan))))
