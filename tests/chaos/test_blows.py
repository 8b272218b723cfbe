"""What is drawn from a seed: always enough, never more than a run has room for, and the same again."""

import signal

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.arena import UNITS
from tests.chaos.blows import draw_blows

SEEDS = st.integers(0, 2**32)


@given(SEEDS)
def test_every_point_and_every_victim_is_hit_and_five_blows_kill_at_least(seed: int) -> None:
    blows = draw_blows(seed)
    assert {blow.moment for blow in blows} == {"encode", "put", "drain", "manifest"}
    assert {blow.victim for blow in blows} == {"worker", "raylet", "driver"}
    assert sum(blow.signal == signal.SIGKILL for blow in blows) >= 5
    assert {blow.victim for blow in blows if blow.signal == signal.SIGSTOP} == {"worker", "driver"}
    assert blows[-1].moment == "manifest" and blows[-1].victim == "driver"


@given(SEEDS)
def test_all_fall_before_the_units_are_used_up(seed: int) -> None:
    before = draw_blows(seed)[:-1]
    shards = sum(blow.after for blow in before if blow.moment != "encode")
    films = sum(blow.after for blow in before if blow.moment == "encode")
    assert shards + films / 4 < UNITS, "a unit has four films and more"


@given(SEEDS)
def test_a_seed_draws_the_same_again(seed: int) -> None:
    assert draw_blows(seed) == draw_blows(seed)
