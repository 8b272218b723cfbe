from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.training import cores_each

CORES = st.lists(st.integers(0, 12), max_size=4)


@given(CORES, st.integers(1, 12))
def test_workers_fit_with_the_cores_that_they_are_given_and_not_with_one_more(
    cores: list[int], count: int
) -> None:
    def fit(threads: int) -> bool:
        return sum(node // threads for node in cores) >= count

    threads = cores_each(cores, count)
    assert threads == 0 or fit(threads)
    assert not fit(threads + 1)


def test_one_worker_takes_the_largest_node_and_several_share_it() -> None:
    assert cores_each([2, 8], 1) == 8
    assert cores_each([8], 3) == 2
    assert cores_each([8, 8], 2) == 8
    assert cores_each([2], 3) == 0
