from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.alone import alone
from benchmarks.scale import slices, states_of


def test_every_state_sees_every_row_once() -> None:
    assert states_of(1000, 8)() == [1000, 1000, 1000]


def test_slices_are_of_their_own_memory_and_of_pairs_of_films_of_a_patient() -> None:
    one, other, last = slices(300, 4)
    assert not np.shares_memory(one.features, other.features)
    assert [len(each.features) for each in (one, other, last)] == [128, 128, 44]
    _, films = np.unique(one.scored.patients, return_counts=True)
    assert (films == 2).all()


def test_memory_is_that_of_the_work_and_not_of_its_inputs() -> None:
    run = alone(_filling, 64)
    assert run.value == 64 and 60 < 1024 * run.gib < 100 and run.seconds > 0


def _filling(mib: int) -> Callable[[], int]:
    inputs = np.ones((200, 2**20), np.uint8)
    return lambda: len(np.ones((mib, 2**20), np.uint8)) * len(inputs) // 200
