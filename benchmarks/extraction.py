"""Extraction on a GPU: films/s of Inception and of a ViT-B like RAD-DINO, over a bare, compiled forward loop.

Weights are random, with the shapes of the published ones. An extractor gets films in memory, brings them to
its network as its preprocessing says and hands features back; the bare loop runs the compiled network, in the
same float32 and batches, on a tensor that stays on the device. They take turns in one run.

On a GPU it measures the bars. Without one there is only `--quick`, a few films and a small transformer, which
shows that it runs.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import Dinov2Config, Dinov2Model

from benchmarks.inception_files import write_weights
from benchmarks.result import Bar, at_least, parse_gpu_arguments, write_result
from eval.features.backbone import Backbone, preprocessing_of
from eval.features.extractor import BATCH, Extractor, extract, fold_norms
from eval.features.inception import Inception, pooling_network

BAR = 0.9
SIZE = 512  # pixels of a film


@dataclass(frozen=True, slots=True)
class Subject:
    """An extractor, and the network alone."""

    extractor: Extractor
    network: nn.Module
    shape: tuple[int, ...]  # of what the network is given


def main() -> None:
    arguments = parse_gpu_arguments(__doc__ or "")
    gpu = arguments.gpu
    device = "cuda" if gpu else "cpu"
    batches, rounds = (48, 3) if gpu and not arguments.quick else (1, 2)
    films = _films(batches * BATCH)
    bars, explains = [], {}
    for subject in (inception_subject(device), dinov2_subject(device, small=not gpu)):
        ours, bare = measure(subject, films, device, rounds)
        name = subject.extractor.name
        share = statistics.median(o / b for o, b in zip(ours, bare, strict=True))
        bars.append(at_least(f"{name}: films/s of extraction over a bare, compiled loop", share, BAR))
        explains[name] = {"films_per_second": ours, "bare_films_per_second": bare, "shape": subject.shape}
    if arguments.quick:
        bars = [Bar(bar.name, bar.value, bar.bar, ok=True) for bar in bars]
    write_result(
        "extraction", bars, arguments.output, gpu=gpu, films=len(films), size=SIZE, batch=BATCH, **explains
    )


def inception_subject(device: str) -> Subject:
    file = io.BytesIO()
    write_weights(file)
    extractor = Inception(file.getvalue())
    extractor.setup(device)
    network = pooling_network(file.getvalue())
    fold_norms(network)
    return Subject(extractor, network.to(device), (BATCH, 3, 299, 299))


def dinov2_subject(device: str, *, small: bool) -> Subject:
    width, depth, size = (64, 2, 70) if small else (768, 12, 518)
    config = Dinov2Config(
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=width // 64,
        image_size=size,
        patch_size=14,
    )
    network = Dinov2Model(config).eval()
    extractor = Backbone("rad_dino", network, b"random", preprocessing_of(preparation(size)))
    extractor.setup(device)
    return Subject(extractor, network, (BATCH, 3, size, size))


def preparation(size: int) -> dict[str, Any]:
    """What microsoft/rad-dino's preprocessor_config.json says, for a network of `size` pixels."""
    return {
        "size": {"shortest_edge": size},
        "crop_size": {"height": size, "width": size},
        "resample": 3,
        "rescale_factor": 1 / 255,
        "image_mean": [0.5307] * 3,
        "image_std": [0.2583] * 3,
    }


def measure(
    subject: Subject, films: Sequence[NDArray[np.uint8]], device: str, rounds: int
) -> tuple[list[float], list[float]]:
    """Films/s of extraction and of the bare loop, a pair a round."""
    network: Callable[[torch.Tensor], object] = torch.compile(subject.network)
    tensor = torch.rand(subject.shape, device=device)

    def ours() -> None:
        extract(subject.extractor, films)

    @torch.inference_mode()
    def bare() -> None:
        for _ in range(len(films) // BATCH):
            network(tensor)

    for warm in (ours, bare):
        warm()
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for work, found in zip((ours, bare), rates, strict=True):
            found.append(len(films) / _seconds(work, device))
    return rates


def _seconds(work: Callable[[], None], device: str) -> float:
    start = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _films(count: int) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return [rng.integers(256, size=(SIZE, SIZE), dtype=np.uint8) for _ in range(count)]


if __name__ == "__main__":
    main()
