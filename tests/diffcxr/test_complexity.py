from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from diffcxr.complexity import Complexity, count, measure_complexity
from diffcxr.denoiser.control import ZeroLinear
from diffcxr.denoiser.uvit import Block
from diffcxr.profile import MINI, PAPER


@pytest.fixture(scope="module")
def paper() -> Complexity:
    return measure_complexity(PAPER)


def test_the_paper_profile_has_the_papers_macs(paper: Complexity) -> None:
    assert paper.call.by_paper == 29_640_568_832  # "29.641 GFLOPs"


def test_the_papers_macs_fall_into_the_releases_parts(paper: Complexity) -> None:
    assert paper.denoiser.linear_and_conv == 19_297_599_488
    assert paper.adapter.linear_and_conv == 10_306_715_648
    assert paper.call.layer_norm == 36_253_696


def test_the_paper_profile_with_twelve_blocks_has_its_macs() -> None:
    assert measure_complexity(replace(PAPER, depth=12)).call.by_paper == 22_802_984_960


def test_the_paper_profile_has_the_releases_parameters(paper: Complexity) -> None:
    assert paper.denoiser.parameters == pytest.approx(58.35e6, abs=0.1e6)
    assert paper.adapter.parameters == pytest.approx(31.7e6, abs=0.1e6)


def test_a_film_takes_more_than_the_paper_counts(paper: Complexity) -> None:
    tokens = 1 + 77 + 256
    assert paper.call.attention == (17 + 9) * 2 * tokens**2 * 512
    assert paper.calls == 100  # 50 steps, each with the report and without
    sampling = 100 * (29_640_568_832 - 36_253_696 + paper.call.attention)
    assert paper.film_macs == sampling + 2 * paper.text.products + paper.decoder.products
    assert paper.decoder.parameters == 83_653_863  # of Stable Diffusion's autoencoder


def test_without_guidance_a_step_is_one_call() -> None:
    assert measure_complexity(replace(MINI, guidance_scale=1.0)).calls == MINI.steps


def test_each_kind_of_layer_is_counted_by_its_arithmetic() -> None:
    layers = nn.Sequential(
        nn.Conv2d(6, 4, 3, stride=2, padding=1, groups=2),  # 8 x 8 to 4 x 4
        nn.Flatten(2),
        nn.Linear(16, 5, bias=False),
        nn.LayerNorm(5),
        ZeroLinear(5, 7),
    )
    cost = count(layers, lambda: layers(torch.randn(2, 6, 8, 8)))
    assert cost.linear_and_conv == 2 * (4 * 16 * (3 * 9) + 4 * 5 * 16 + 4 * 7 * 5)
    assert cost.layer_norm == 4 * 2 * 4 * 5
    assert cost.attention == 0
    assert cost.parameters == (4 * 27 + 4) + 16 * 5 + 2 * 5 + (7 * 5 + 7)


def test_counting_without_numbers_is_counting_with_them() -> None:
    costs = []
    for device in ("meta", "cpu"):
        block, x = Block(16, 2, skip=True).to(device), torch.zeros(3, 9, 16, device=device)
        costs.append(count(block, lambda block=block, x=x: block(x, x)))  # type: ignore[misc]
    assert costs[0] == costs[1]
    assert costs[0].attention == 3 * 2 * 9**2 * 16
