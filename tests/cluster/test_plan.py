"""The plan: every sample once, in one order, whatever the cuts."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.plan import Plan, Selection, plan_units
from cluster.shard import MAX_SHARD_BYTES

SHARDS = st.lists(st.integers(0, 9), max_size=8)


def samples_of(plan: Plan) -> list[tuple[int, int, int]]:
    """(shard, position among its reports, sample_index) of every sample, read back through the units."""
    found = []
    for number in range(len(plan)):
        unit = plan.unit(number)
        reports = [(span.shard, row) for span in unit.spans for row in range(span.start, span.stop)]
        found += [(*reports[report], sample_index) for report, sample_index in unit.places()]
    return found


@given(SHARDS, st.none() | st.integers(1, 60), st.integers(1, 4), st.integers(1, 12))
def test_units_hold_every_sample_once_in_the_order_shard_row_sample(
    shards: list[int], limit: int | None, samples_per_report: int, images_per_shard: int
) -> None:
    plan = plan_units(shards, limit, samples_per_report, images_per_shard)
    reports = [(shard, row) for shard, rows in enumerate(shards) for row in range(rows)][:limit]
    expected = [(*report, sample) for report in reports for sample in range(samples_per_report)]
    assert samples_of(plan) == expected
    assert all(plan.unit(number).samples == images_per_shard for number in range(len(plan) - 1))


@given(SHARDS, st.integers(1, 4), st.integers(1, 12))
def test_a_unit_names_only_the_rows_it_needs(shards: list[int], samples_per_report: int, images: int) -> None:
    plan = plan_units(shards, None, samples_per_report, images)
    for number in range(len(plan)):
        unit = plan.unit(number)
        used = {report for report, _ in unit.places()}
        assert used == set(range(sum(span.stop - span.start for span in unit.spans)))


@given(SHARDS, st.integers(1, 4), st.integers(1, 12), st.sets(st.integers(0, 300)))
def test_a_selection_is_planned_in_the_order_of_all_samples(
    shards: list[int], samples_per_report: int, images: int, wanted: set[int]
) -> None:
    whole = samples_of(plan_units(shards, None, samples_per_report, images))
    numbers = sorted(number for number in wanted if number < len(whole))
    selection = Selection.of((number, number + 1) for number in numbers)
    plan = plan_units(shards, None, samples_per_report, images, selection=selection)
    assert samples_of(plan) == [whole[number] for number in numbers]
    assert plan.samples == sum(plan.unit(number).samples for number in range(len(plan))) == len(numbers)


def test_a_selection_takes_memory_by_its_runs_and_not_by_its_samples() -> None:
    selection = Selection.of((number, number + 1) for number in range(100_000) if number != 777)
    assert len(selection.starts) == len(selection.ends) == 2


def test_a_shard_stays_within_its_bytes() -> None:
    plan = plan_units([10_000], images_per_shard=1000, image_bytes=2**20)
    assert 200 < plan.images_per_shard < 256
    assert plan.images_per_shard * 2**20 < MAX_SHARD_BYTES
    assert plan_units([10_000], images_per_shard=1000, image_bytes=2**14).images_per_shard == 1000


def test_ten_million_reports_plan_in_a_second() -> None:
    start = time.perf_counter()
    plan = plan_units([1000] * 10_000, samples_per_report=2)
    units = [plan.unit(number) for number in range(0, len(plan), 7)]
    assert time.perf_counter() - start < 1.0
    assert units[-1].samples == 1000


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"samples_per_report": 0}, {"images_per_shard": 0}])
def test_values_below_one_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        plan_units([3], **wrong)
