from __future__ import annotations

import numpy as np
import pytest
import torch

from diffcxr.training.denoiser import DenoiserStage
from diffcxr.training.rarity import rarity
from tests.diffcxr.tiny import tiny_pipeline

PRESENT = np.random.default_rng(0).random((4000, 5)) < [0.02, 0.1, 0.3, 0.3, 0.5]


def drawn(power: float) -> np.ndarray:
    """How often each finding is there among the films that are drawn."""
    chances = rarity(PRESENT, power).numpy()
    return (chances[:, None] * PRESENT).sum(0) / chances.sum()


def test_rare_findings_are_drawn_as_they_are_or_about_as_often_as_common_ones() -> None:
    assert drawn(0.0) == pytest.approx(PRESENT.mean(0))
    as_they_are, balanced = drawn(0.0), drawn(1.0)
    assert balanced[0] > 8 * as_they_are[0]
    assert balanced.max() / balanced.min() < 4 < as_they_are.max() / as_they_are.min()


def test_films_without_any_finding_are_drawn_too() -> None:
    assert rarity(np.zeros((3, 2), bool), 1.0).tolist() == [1, 1, 1]


def test_the_denoiser_draws_films_by_their_chances() -> None:
    latents = np.ones((3, 4, 4, 4), np.float16)
    latents[[0, 2]] = np.nan
    context, chances = np.zeros((3, 4, 32), np.float16), torch.tensor([0.0, 1.0, 0.0])
    random = torch.Generator().manual_seed(0)

    def loss(chances: torch.Tensor | None) -> torch.Tensor:
        stage = DenoiserStage(tiny_pipeline().denoiser, latents, context, chances=chances)
        return stage.loss(0, 16, random)

    assert loss(chances).isfinite()
    assert loss(None).isnan(), "all alike, those that are none come too"
