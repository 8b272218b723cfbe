"""Image files, and weights in pytorch-fid's format: what its FID and ours are compared on.

The published weights are not needed for that: random ones go through the same code.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from diffcxr.phantom.film import draw_film
from diffcxr.phantom.study import sample_study
from eval.features.inception import untrained_inception


def write_weights(file: Path | BinaryIO) -> None:
    """Random weights for both networks."""
    torch.manual_seed(0)
    network = untrained_inception()
    for part in network.modules():
        if isinstance(part, torch.nn.Conv2d):  # else activations die on the way down
            torch.nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
    torch.save(network.state_dict(), file)


def write_films(folder: Path, numbers: Iterable[int], size: int, *, soft: bool) -> list[Path]:
    """PNG files of phantom films; where `soft`, of 32 pixels enlarged, as a poor model would make them."""
    folder.mkdir()
    with ProcessPoolExecutor() as pool:
        return list(pool.map(partial(_write_film, folder, size, soft), numbers, chunksize=16))


def _write_film(folder: Path, size: int, soft: bool, number: int) -> Path:
    film = draw_film(sample_study(0, number), size)
    file = folder / f"{number:06d}.png"
    Image.fromarray(_softened(film) if soft else film).save(file)
    return file


def _softened(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(film).resize((32, 32)).resize(film.shape[::-1]))
