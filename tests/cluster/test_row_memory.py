import pytest

from cluster.row_memory import check_rows_fit, row_memory
from diffcxr.errors import InputError


def test_a_million_rows_of_2048_features_are_refused_before_they_fill_a_small_machine() -> None:
    assert row_memory(1_000_000, [2048]) == 6 * 4 * 2048 * 1_000_000
    with pytest.raises(InputError, match=r"1,000,000 films need 45.8 GiB, and 16.0 are there.*and prdc"):
        check_rows_fit(1_000_000, [2048], most=16 * 2**30)
    check_rows_fit(1_000_000, [2048], most=64 * 2**30)


def test_rows_of_all_extractors_are_held_and_the_largest_is_copied() -> None:
    assert row_memory(10, [100, 700]) == 4 * 10 * (100 + 700 + 5 * 700)
    check_rows_fit(10, [], most=0)


def test_what_this_machine_has_is_asked_where_nothing_is_said() -> None:
    check_rows_fit(1000, [2048])
    with pytest.raises(InputError, match="are there"):
        check_rows_fit(10**12, [2048])
