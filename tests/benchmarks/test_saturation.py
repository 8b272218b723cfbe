from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.saturation import TINY, covered, prepare, take_turns
from cluster.storage import Storage


def test_overlapping_kernels_are_counted_once() -> None:
    assert covered([(4, 5), (0, 2), (1, 3), (1, 1.5)]) == pytest.approx(4)
    assert covered([]) == 0


def test_both_sides_make_films_of_the_released_parts(tmp_path: Path) -> None:
    work = prepare(tmp_path, TINY, batch=2, batches=1, units=2)
    ((ours, bare),) = take_turns(work, tmp_path / "out", rounds=1)
    assert min(ours, bare) > 0
    for made, units in (("warm", 1), ("0", 2)):  # what warms, and the round that counts
        assert len(list(Storage.at(tmp_path / "out" / made).list("shards"))) == units
