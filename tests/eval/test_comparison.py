import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eval.comparison import plan_comparison
from eval.groups import film_keys

KEYS = st.lists(st.integers(0, 2**64 - 1), max_size=60, unique=True)


def keys(first: int, last: int, name: str = "r") -> np.ndarray:
    return film_keys([f"{name}{i}" for i in range(first, last)], [0] * (last - first))


@given(KEYS, KEYS, KEYS)
def test_as_many_films_of_one_as_of_the_other_and_all_of_them_there(shared, one, other) -> None:
    both = [np.unique(np.array(shared + more, np.uint64)) for more in (one, other)]
    plan = plan_comparison(*both)
    taken = [all_[plan.takes(corpus, all_)] for corpus, all_ in enumerate(both)]
    assert len(taken[0]) == len(taken[1])
    if plan.paired:
        np.testing.assert_array_equal(*taken)
    else:
        assert len(taken[0]) == min(map(len, both))


def test_films_of_the_same_reports_stand_one_by_one() -> None:
    plan = plan_comparison(keys(0, 1000), keys(990, 200, "s"))  # nothing is there to compare with
    assert not plan.paired and not plan.takes(0, keys(0, 10)).any()
    plan = plan_comparison(keys(0, 1000), keys(5, 100))
    assert plan.paired and plan.takes(0, keys(0, 200)).sum() == 95
    assert plan_comparison(keys(0, 1000), keys(0, 1000, "s")).paired is False


def test_of_other_reports_those_of_the_smallest_keys_are_taken_whatever_their_order() -> None:
    many, few = keys(0, 500), keys(0, 120, "s")
    plan = plan_comparison(many[::-1], few)
    assert not plan.paired and plan.takes(1, few).all()
    np.testing.assert_array_equal(np.sort(many[plan.takes(0, many)]), np.sort(many)[:120])
