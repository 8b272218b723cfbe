"""Workers on a real Ray cluster: they start, fail, and are replaced."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import ray
from ray.exceptions import OutOfMemoryError, RayError

from cluster import pool as pooling
from cluster import standing
from cluster.events import EVENTS
from cluster.pool import Pool, WorkerActor
from cluster.preemption import AWS_ENDPOINT
from cluster.recipe import Ready, Sampler
from cluster.session import connect
from cluster.standing import ATTEMPTS
from diffcxr.errors import FailingError, InputError
from tests.null_sampler import NULL_SAMPLER


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[None]:
    with connect(num_cpus=2):
        yield


def test_a_worker_that_failed_before_it_had_made_a_unit_is_replaced_after_a_while_and_others_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=2)) as pool:
        pool.first()
        pool.size_to(2)
        proven, fresh = pool.members
        pool.welcome(fresh)
        pool.prove(proven)
        monkeypatch.setattr(standing, "_FIRST_SECONDS", 10.0)
        pool.fail(fresh, RayError())
        pool.size_to(2)
        assert pool.members == [proven]
        time.sleep(10.1)
        pool.size_to(2)
        assert len(pool.members) == 2
        pool.welcome(pool.members[1])
        pool.fail(proven, RayError())
        pool.size_to(2)
        assert len(pool.members) == 2


def test_where_no_worker_starts_the_run_ends_after_a_few(tmp_path: Path) -> None:
    class NoneStarts(WorkerActor):
        def load(self, sampler: Sampler) -> Ready:
            (tmp_path / str(os.getpid())).touch()
            raise RuntimeError("words of a report")

    fails = pytest.raises(FailingError, match=r"fail while they start \(RuntimeError\)")
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=2, actor=NoneStarts)) as pool, fails as failing:
        pool.first()
    assert "words" not in str(failing.value)
    assert len(list(tmp_path.iterdir())) == ATTEMPTS


def test_it_is_said_what_is_waited_for_and_in_what_workers_stacks_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class OfItsOwn(WorkerActor):
        def load(self, sampler: Sampler) -> Ready:
            time.sleep(1)
            ready = super().load(sampler)
            return replace(ready, stack={**ready.stack, "accelerator": str(ready.pid)})

    monkeypatch.setattr(pooling, "_TELL_SECONDS", 0.3)
    caplog.set_level(logging.INFO, EVENTS.name)
    with closing(Pool(NULL_SAMPLER, smallest=2, largest=2, actor=OfItsOwn)) as pool:
        pool.first()
        assert not pool.differing
        pool.size_to(2)
        pool.welcome(pool.members[1])
        assert pool.differing == {"accelerator"}
    told = [record.msg for record in caplog.records if record.msg in ("waiting", "another stack")]
    assert told[0] == "waiting" and told[-1] == "another stack" and told.count("another stack") == 1


def test_a_worker_that_loads_for_too_long_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FirstHangs(WorkerActor):
        def load(self, sampler: Sampler) -> Ready:
            if not (tmp_path / "hangs").exists():
                (tmp_path / "hangs").touch()
                time.sleep(3600)
            return super().load(sampler)

    monkeypatch.setattr(pooling, "_TELL_SECONDS", 0.3)
    monkeypatch.setattr(pooling, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(pooling, "_LOAD_SECONDS", 30.0)
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=1, actor=FirstHangs)) as pool:
        assert pool.first().pid


def test_workers_that_load_are_given_up_before_one_that_is_ready() -> None:
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=6)) as pool:
        pool.first()
        pool.size_to(6)  # two cores have room for four
        started = list(pool.members)
        pool.size_to(2)
        assert pool.members == started[:2], "the newest went first"


def test_a_model_that_is_not_there_is_known_at_the_first_word() -> None:
    pool = Pool(replace(NULL_SAMPLER, model="/nowhere", model_digest="sha256:0"), smallest=1, largest=1)
    with pytest.raises(InputError, match="no model here: /nowhere"):
        pool.first()
    pool.close()


def test_a_node_is_watched_for_as_long_as_a_worker_is_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(AWS_ENDPOINT, "http://127.0.0.1:9")  # then the driver's own node is watched too
    with closing(Pool(NULL_SAMPLER, smallest=2, largest=2)) as pool:
        pool.first()
        pool.size_to(2)
        pool.welcome(pool.members[1])
        (reference,) = pool.notices
        pool.drop(pool.members[1], "tail")
        assert pool.notices == [reference]
        pool.drop(pool.members[0], "tail")
        assert not pool.notices  # an actor that lived there would keep the machine
        pool.take_notice(reference)  # which may have come in the meantime
        pool.first()
        assert len(pool.notices) == 1


def test_a_worker_that_is_killed_for_memory_while_it_loads_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    get, killed = ray.get, iter([OutOfMemoryError("killed")])

    def first_fails(reference: object) -> object:
        for error in killed:
            raise error
        return get(reference)

    monkeypatch.setattr(pooling.ray, "get", first_fails)
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=1)) as pool:
        pool.first()
        assert len(pool.members) == 1


def test_where_no_batch_can_be_timed_it_is_said_in_a_line() -> None:
    class CannotMeasure(WorkerActor):
        def measure(self) -> float:
            raise RuntimeError("words of a report")

    fails = pytest.raises(FailingError, match=r"no batch could be timed")
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=1, actor=CannotMeasure)) as pool, fails as failing:
        pool.first()
        pool.measure()
    assert "words" not in str(failing.value)
