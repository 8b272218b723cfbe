"""How long a unit may be in flight before another worker is given it as well."""

import math

from cluster.patience import OUTAGE_SECONDS, Patience


def test_nothing_is_late_before_a_unit_is_done() -> None:
    assert Patience().seconds(1000) == math.inf


def test_it_is_three_times_the_median_and_one_slow_unit_does_not_move_it() -> None:
    patience = Patience()
    for seconds in (11.0, 10.0, 900.0, 9.0, 10.0):
        patience.learn(seconds, 100)
    assert patience.seconds(100) == 30.0


def test_a_plan_s_small_last_unit_says_how_long_a_whole_one_may_take() -> None:
    patience = Patience()
    patience.learn(10.0, 10)
    assert patience.seconds(1000) == 3000.0
    assert patience.seconds(10) == 30.0


def test_units_of_a_moment_are_given_some_seconds() -> None:
    patience = Patience()
    patience.learn(0.01, 100)
    assert patience.seconds(100) == 5.0


def test_a_worker_hangs_only_after_it_could_have_waited_for_a_store() -> None:
    patience = Patience()
    assert patience.hangs_seconds(100) == math.inf
    patience.learn(100.0, 100)
    assert patience.hangs_seconds(100) == OUTAGE_SECONDS + 240 + 12 * 100
