"""Usage: hours and cost from what each call of a run left in its bucket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.storage import Storage
from cluster.usage import Budget, Usage, UsageLog, read_usage, usage_summary
from diffcxr.errors import InputError


def test_what_calls_used_is_read_back_and_added_up(uri: str) -> None:
    output = Storage.at(uri)
    for hours, price in ((2, 3.0), (1, 4.0)):
        log = UsageLog(output, Usage(device="cuda", threads=8, price_per_hour=price))
        log.update(1800.0)
        log.update(hours * 3600.0)  # too soon to be written again
        assert Usage(device="cuda", threads=8, price_per_hour=price, worker_seconds=1800.0) in read_usage(
            output
        )
        log.update(hours * 3600.0, now=True)
    found = usage_summary(read_usage(output), images=500)
    assert found == {"gpu_hours": 3.0, "cost": 10.0, "cost_per_thousand_images": 20.0}


def test_a_core_is_paid_for_each_thread_and_what_has_no_price_has_no_cost() -> None:
    usages = [Usage(device="cpu", threads=4, worker_seconds=3600.0)]
    assert usage_summary(usages, images=10) == {"core_hours": 4.0}
    priced = Usage(device="cuda", threads=4, worker_seconds=3600.0, price_per_hour=2.0)
    assert usage_summary([*usages, priced], images=10) == {"core_hours": 4.0, "gpu_hours": 1.0}
    assert usage_summary([], images=10) == {}


def test_a_damaged_record_is_named(uri: str) -> None:
    Storage.at(uri).create("usage/x.json", b"{")
    with pytest.raises(InputError, match=r"usage/x\.json"):
        read_usage(Storage.at(uri))


@given(st.floats(0, 100), st.floats(0.1, 10), st.floats(0, 20), st.integers(0, 20), st.floats(0.001, 2))
def test_a_budget_allows_no_unit_that_it_could_not_pay(
    max_cost: float, price: float, before: float, in_hand: int, hours_a_unit: float
) -> None:
    budget = Budget(max_cost, price, before)
    if budget.allows(0.0, in_hand, hours_a_unit):
        assert budget.spent((in_hand + 1) * hours_a_unit) <= max_cost
        assert not Budget(0.0, price, before).allows(0.0, in_hand, hours_a_unit)
