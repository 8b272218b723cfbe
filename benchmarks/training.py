"""Training speed of the paper profile's denoiser: samples/s of the steps that stage `denoiser` takes.

A step is forward, backward, AdamW and the moving average at batch 512 in bfloat16, by the training loop
itself, on random latents and tokens; the batch is halved into parts where it exceeds the device's memory.
Its FLOPs are counted from the modules, forward and backward. The limit is the fastest of some square matrix
products in bfloat16, measured on the same device in the same run.

On a GPU it measures the bar. Without one there is only `--quick`, a tiny shape that shows that it runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.result import Bar, at_least, parse_gpu_arguments, write_result
from diffcxr.profile import PAPER, Profile
from diffcxr.training.denoiser import DenoiserStage
from diffcxr.training.loop import LoopConfig, TrainingLoop

BAR = 0.25
FILMS = 2048  # whose latents are in memory; which of them a step takes does not matter
RECIPE = LoopConfig(
    batch_size=512, learning_rate=2e-4, final_learning_rate=2e-4, warmup=5000, betas=(0.9, 0.9),
    weight_decay=0.03, ema=0.9999,
)  # fmt: skip
TINY = replace(PAPER, size=64, width=64, depth=2, heads=2, context_tokens=8, context_width=64)


def main() -> None:
    arguments = parse_gpu_arguments(__doc__ or "")
    gpu = arguments.gpu
    device = torch.device("cuda" if gpu else "cpu")
    profile = PAPER if gpu else TINY
    recipe = RECIPE if gpu else replace(RECIPE, batch_size=16)
    steps, rounds = (20, 5) if gpu and not arguments.quick else (2, 2)

    limit = max(matrix_limit(device, side) for side in ((4096, 8192, 16384) if gpu else (512, 1024)))
    micro_batch, rates = measure(profile, recipe, device, steps, rounds)
    rate = float(np.median(rates))
    flops = flops_a_sample(profile)
    bars = [at_least("share of the measured bfloat16 limit, denoiser step", rate * flops / limit, BAR)]
    if arguments.quick:
        bars = [Bar(bar.name, bar.value, bar.bar, ok=True) for bar in bars]
    write_result(
        "training", bars, arguments.output, gpu=gpu, profile="paper" if gpu else "tiny",
        batch_size=recipe.batch_size, micro_batch=micro_batch, samples_per_second=rate, rounds=rates,
        flops_a_sample=flops, flops_per_second=rate * flops, limit_flops_per_second=limit,
        memory_gib=torch.cuda.max_memory_allocated() / 2**30 if gpu else None,
    )  # fmt: skip


def measure(
    profile: Profile, recipe: LoopConfig, device: torch.device, steps: int, rounds: int
) -> tuple[int, list[float]]:
    """The largest part of a batch that fits, and samples/s of each round of so many steps."""
    micro_batch = recipe.batch_size
    while True:
        config = replace(recipe, micro_batch=micro_batch, steps=steps * (rounds + 1))
        try:
            return micro_batch, time_rounds(denoiser_loop(profile, config, device), steps, device)
        except torch.OutOfMemoryError:
            if micro_batch == 1:
                raise
        micro_batch //= 2
        torch.cuda.empty_cache()


def time_rounds(loop: TrainingLoop, steps: int, device: torch.device) -> list[float]:
    """Samples/s of each round but the first, which warms up."""
    records, rates = loop.run(record_every=steps), []
    for _ in range(loop.config.steps // steps):
        seconds = _seconds(partial(next, records), 1, device)
        rates.append(steps * loop.config.batch_size / seconds)
    return rates[1:]


def denoiser_loop(profile: Profile, recipe: LoopConfig, device: torch.device) -> TrainingLoop:
    """The training loop of a profile's denoiser, on random numbers in the place of a corpus."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    side = profile.latent_size
    latents = random.standard_normal((FILMS, profile.latent_channels, side, side)).astype(np.float16)
    context = random.standard_normal((FILMS, profile.context_tokens, profile.context_width))
    denoiser = profile.denoiser().to(device)
    return TrainingLoop(DenoiserStage(denoiser, latents, context.astype(np.float16), "epsilon"), recipe)


def flops_a_sample(profile: Profile) -> int:
    """FLOPs of matrix products and convolutions, forward and backward, of one sample; two a multiply-add."""
    with torch.device("meta"):
        denoiser = profile.denoiser()
        latents = torch.empty(1, profile.latent_channels, profile.latent_size, profile.latent_size)
        context = torch.empty(1, profile.context_tokens, profile.context_width)
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            denoiser(latents, torch.empty(1), context).sum().backward()
    return int(counter.get_total_flops())


def matrix_limit(device: torch.device, side: int, repeats: int = 30) -> float:
    """FLOP/s of a product of two square matrices in bfloat16."""
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    _seconds(lambda: a @ b, 3, device)
    return 2 * side**3 * repeats / _seconds(lambda: a @ b, repeats, device)


def _seconds(run: Callable[[], object], times: int, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(times):
        run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
