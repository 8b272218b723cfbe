"""Machines on which workers fail are left alone for a while, longer each time, and never for good."""

from hypothesis import given
from hypothesis import strategies as st

from cluster.standing import ATTEMPTS, Standing


def waits(failures: int) -> list[float]:
    standing, now, waited = Standing(), 0.0, []
    for _ in range(failures):
        standing.failed("n1", now)
        waited.append(next(s for s in range(1, 10_000) if "n1" not in standing.avoided(now + s)))
        now += waited[-1]
    return waited


def test_each_failure_doubles_the_wait_up_to_five_minutes() -> None:
    assert waits(12) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_a_machine_that_is_broken_for_months_costs_no_more_than_a_wait() -> None:
    standing = Standing()
    for number in range(2000):
        standing.failed("n1", 300.0 * number)
    assert standing.avoided(300.0 * 1999 + 299) == {"n1"} and not standing.avoided(300.0 * 2000)


def test_workers_that_fail_together_are_one_failure() -> None:
    standing = Standing()
    for _ in range(8):
        standing.failed_start("n1", 0.0)
    assert standing.avoided(0.9) == {"n1"} and not standing.avoided(1.0)
    assert not standing.can_start(["n1"]) and standing.failing == 1


def test_a_unit_made_there_ends_it_and_a_start_does_not() -> None:
    standing = Standing()
    for now in (0.0, 1.0, 3.0, 7.0):
        standing.failed("n1", now)
    standing.started("n1")
    assert standing.avoided(14.0) == {"n1"}
    standing.proved("n1")
    assert not standing.avoided(14.0)
    standing.failed("n1", 20.0)
    assert not standing.avoided(21.1), "it begins anew"


@given(st.lists(st.sampled_from(["n1", "n2", "n3"]), max_size=30))
def test_a_cluster_can_start_workers_until_every_machine_of_it_has_failed_often_enough(
    failed: list[str],
) -> None:
    standing = Standing()
    for node in failed:
        standing.failed_start(node, 0.0)
    nodes = ("n1", "n2", "n3")
    assert standing.can_start(nodes) == any(failed.count(node) < ATTEMPTS for node in nodes)
    standing.started("n2")
    assert standing.can_start(nodes)
