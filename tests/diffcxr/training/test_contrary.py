from __future__ import annotations

import numpy as np
import torch

from diffcxr.training.contrary import contrary_films

RANDOM = np.random.default_rng(0)
PRESENT = RANDOM.random((4000, 5)) < [0.02, 0.1, 0.3, 0.3, 0.5]


def test_the_contrary_film_differs_in_a_finding_and_in_little_else() -> None:
    rows = RANDOM.integers(len(PRESENT), size=3000)
    others = contrary_films(PRESENT, rows, torch.Generator().manual_seed(1))
    differ = PRESENT[rows] != PRESENT[others]
    # Among 64 films there may be none with a finding that one in fifty has.
    assert differ.any(axis=1).mean() > 0.95
    assert differ.sum(axis=1).mean() < 1.5
    # Even the rarest finding is asked about often where it is there.
    rare = PRESENT[rows, 0]
    assert differ[rare, 0].mean() > 0.2


def test_where_all_films_are_alike_any_of_them_will_do() -> None:
    alike = np.ones((5, 2), bool)
    assert contrary_films(alike, np.arange(5), torch.Generator().manual_seed(0)).shape == (5,)
