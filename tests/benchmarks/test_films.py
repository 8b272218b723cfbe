from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import films
from benchmarks.films import Sample, make_films
from cluster.models import MINI


def test_films_that_are_kept_are_found_again_by_what_made_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(films, "PART", 2)
    samples = [Sample("Clear lungs.", None, seed) for seed in range(3)]
    made = make_films(MINI, samples, 1, tmp_path)
    assert len(made) == 3 and len(list(tmp_path.iterdir())) == 2

    def make_none(*_: object) -> None:
        raise RuntimeError("made anew")

    monkeypatch.setattr(films, "_make_part", make_none)
    assert np.array_equal(make_films(MINI, samples, 1, tmp_path), made)
    with pytest.raises(RuntimeError, match="made anew"):
        make_films(MINI, samples, 2, tmp_path)
