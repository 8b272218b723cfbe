from __future__ import annotations

from dataclasses import replace

import torch

from benchmarks.training import RECIPE, TINY, denoiser_loop, flops_a_sample, time_rounds
from diffcxr.complexity import measure_complexity
from jobs.overrides import compose_config
from jobs.stages.loop import loop_config
from jobs.training_config import Config


def test_a_step_is_three_times_forward_but_for_gradients_of_its_inputs() -> None:
    patches = (TINY.latent_size // TINY.patch_size) ** 2
    inputs = patches * TINY.width * TINY.latent_channels * TINY.patch_size**2
    inputs += TINY.context_tokens * TINY.context_width * TINY.width
    assert flops_a_sample(TINY) == 2 * (3 * measure_complexity(TINY).denoiser.products - inputs)


def test_the_recipe_is_the_paper_profiles() -> None:
    config = compose_config("train", Config, ["profile=paper", "stage=all", "data=d", "output=o"])
    assert loop_config(config.denoiser, seed=0) == replace(RECIPE, steps=config.denoiser.steps)


def test_rounds_are_whole_steps_of_the_training_loop_and_the_first_is_not_counted() -> None:
    loop = denoiser_loop(TINY, replace(RECIPE, batch_size=4, micro_batch=2, steps=6), torch.device("cpu"))
    rates = time_rounds(loop, 2, torch.device("cpu"))
    assert loop.step == 6 and len(rates) == 2 and min(rates) > 0
