"""The decisions of dispatch: no unit is lost, and one bad row costs that row."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.assignments import ATTEMPTS, Assignment, Assignments, UnitKeepsFailingError


def drive(
    assignments: Assignments, samples: int, killers: dict[int, set[int]]
) -> tuple[dict[int, tuple[int, ...]], int]:
    """Runs all to the end with workers that die of `killers`: ({unit: excluded rows}, how many died)."""
    committed: dict[int, tuple[int, ...]] = {}
    deaths = 0
    while assignments.waiting:
        assignment = assignments.take(suspects=True)
        if assignment is None:
            break
        start, stop = assignment.probe or (0, samples)
        run = set(range(start, stop)) - set(assignment.excluded)
        if run & killers.get(assignment.unit, set()):
            deaths += 1
            assignments.failed(assignment, samples)
            continue
        assignments.done(assignment)
        if assignment.probe is None:
            assert assignment.unit not in committed
            committed[assignment.unit] = assignment.excluded
    return committed, deaths


@given(
    st.integers(1, 40),
    st.dictionaries(st.integers(0, 4), st.sets(st.integers(0, 39), max_size=3), max_size=3),
)
def test_exactly_the_rows_that_kill_are_excluded(samples: int, killers: dict[int, set[int]]) -> None:
    killers = {unit: {row for row in rows if row < samples} for unit, rows in killers.items()}
    committed, deaths = drive(Assignments(range(5)), samples, killers)
    assert committed == {unit: tuple(sorted(killers.get(unit, ()))) for unit in range(5)}
    rows = sum(map(len, killers.values()))
    assert deaths <= rows * (ATTEMPTS + samples.bit_length() + 2)


@given(
    st.integers(1, 12),
    st.dictionaries(st.integers(0, 2), st.sets(st.integers(0, 11), max_size=2), max_size=2),
    st.randoms(use_true_random=False),
)
def test_twins_settle_a_unit_once_and_exclude_no_other_row(
    samples: int, killers: dict[int, set[int]], random: Random
) -> None:
    killers = {unit: {row for row in rows if row < samples} for unit, rows in killers.items()}
    assignments, in_flight = Assignments(range(3)), list[Assignment]()
    settled: list[tuple[int, tuple[int, ...]]] = []
    while assignments.waiting or in_flight:
        waits = assignments.waiting and random.random() < 0.5
        taken = assignments.take(suspects=True) if waits or not in_flight else None
        slow = [assignment for assignment in in_flight if assignments.may_be_twinned(assignment)]
        if taken is not None:
            in_flight.append(taken)
        elif slow and random.random() < 0.5:
            in_flight.append(assignments.twin(random.choice(slow)))
        else:
            ended = in_flight.pop(random.randrange(len(in_flight)))
            if random.random() > 0.8:
                assignments.again(ended)
                continue
            run = set(range(*(ended.probe or (0, samples)))) - set(ended.excluded)
            if run & killers.get(ended.unit, set()):
                assignments.failed(ended, samples)
                continue
            if ended.probe is None and not assignments.is_settled(ended):
                settled.append((ended.unit, ended.excluded))
            assignments.done(ended)
    assert sorted(settled) == [(unit, tuple(sorted(killers.get(unit, ())))) for unit in range(3)]


def test_a_straggler_has_one_twin_and_whoever_is_later_counts_for_nothing() -> None:
    assignments = Assignments([1])
    slow = assignments.take(suspects=True)
    assert slow is not None and assignments.may_be_twinned(slow)
    twin = assignments.twin(slow)
    assert not assignments.may_be_twinned(slow)
    assignments.done(twin)
    assert assignments.is_settled(slow)
    assignments.failed(slow, 8)
    assert assignments.waiting == 0


def test_a_twin_s_failure_is_an_attempt_and_does_not_bring_the_unit_back_while_another_worker_has_it() -> (
    None
):
    assignments = Assignments([1])
    slow = assignments.take(suspects=True)
    assert slow is not None
    for _ in range(ATTEMPTS - 1):
        assignments.failed(assignments.twin(slow), 8)
        assert assignments.waiting == 0 and assignments.may_be_twinned(slow)
    assignments.failed(slow, 8)
    assert assignments.take(suspects=True) == Assignment(1, probe=(0, 4), suspect=True)


def test_units_come_in_order_and_failed_ones_first() -> None:
    assignments = Assignments([4, 2, 9])
    first = assignments.take(suspects=True)
    assert first == Assignment(4)
    assignments.failed(first, 10)
    again = assignments.take(suspects=True)
    assert again is not None
    assert (again.unit, again.suspect) == (4, True)


def test_a_unit_that_failed_waits_for_a_worker_of_its_own() -> None:
    assignments = Assignments([1, 2])
    first = assignments.take(suspects=True)
    assert first is not None
    assignments.failed(first, 10)
    shared = assignments.take(suspects=False)
    assert shared == Assignment(2)
    assert assignments.take(suspects=False) is None
    assert assignments.waiting == 1


def test_workers_that_die_for_another_reason_cost_no_row() -> None:
    assignments = Assignments([0])
    for _ in range(ATTEMPTS):  # a machine that was preempted thrice
        unit = assignments.take(suspects=True)
        assert unit is not None
        assignments.failed(unit, 8)
    committed, _ = drive(assignments, 8, {})
    assert committed == {0: ()}


def test_a_unit_that_fails_only_as_a_whole_is_given_up_by_name() -> None:
    assignments = Assignments([7])
    with pytest.raises(UnitKeepsFailingError, match="unit 7"):
        for _ in range(1000):
            assignment = assignments.take(suspects=True)
            assert assignment is not None
            if assignment.probe is None:
                assignments.failed(assignment, 8)
            else:
                assignments.done(assignment)


def test_a_unit_that_fails_whatever_is_excluded_is_given_up_after_a_few_rows() -> None:
    assignments = Assignments([7])
    excluded, deaths = 0, 0
    with pytest.raises(UnitKeepsFailingError, match="unit 7"):
        while assignments.waiting:  # on a machine that fails whatever holds a row
            assignment = assignments.take(suspects=True)
            assert assignment is not None
            excluded = max(excluded, len(assignment.excluded))
            if set(range(*(assignment.probe or (0, 1000)))) - set(assignment.excluded):
                assignments.failed(assignment, 1000)
                deaths += 1
            else:
                assignments.done(assignment)
    assert excluded == 3
    assert deaths <= 4 * (ATTEMPTS + 12)


def test_what_the_store_did_not_answer_may_share_a_worker() -> None:
    assignments = Assignments([1, 2])
    first = assignments.take(suspects=True)
    assert first is not None
    assignments.again(first)
    assert assignments.suspects == 0
    assert assignments.take(suspects=False) == first


def test_a_probe_that_was_not_done_comes_again_though_a_twin_has_its_unit() -> None:
    assignments = Assignments([1])
    slow = assignments.take(suspects=True)
    assert slow is not None
    for _ in range(ATTEMPTS):
        assignments.failed(assignments.twin(slow), 8)
    probe = Assignment(1, probe=(0, 4), suspect=True)
    for undone in (assignments.again, lambda probe: assignments.lost(probe, 8)):
        assert assignments.take(suspects=True) == probe
        undone(probe)
    assignments.failed(slow, 8)
    assert assignments.take(suspects=True) == probe and assignments.waiting == 0
    assignments.failed(probe, 8)
    assert drive(assignments, 8, {1: {2}}) == ({1: (2,)}, 2)


def test_an_outage_of_the_store_is_nobody_s_fault_however_long() -> None:
    assignments = Assignments([1])
    for _ in range(100):
        assignment = assignments.take(suspects=True)
        assert assignment == Assignment(1)
        assignments.again(assignment)
    assert assignments.waiting == 1


def test_machines_that_are_taken_away_are_not_the_unit_s_fault_but_one_that_ends_them_all_is_found() -> None:
    assignments = Assignments([1])
    lost = 0
    while True:
        assignment = assignments.take(suspects=True)
        assert assignment is not None and lost < 20
        if assignment.suspect:
            break
        assignments.lost(assignment, 8)
        lost += 1
    assert lost > ATTEMPTS
