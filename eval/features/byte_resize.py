"""Pillow's resize of 8-bit films, to the last bit: what torchvision and transformers do to an image file.

Pillow computes in whole numbers: weights of 22 bits, and a rounding after the rows and after the columns. In
floats, one pixel in some thousands falls on the other side of a half, which a network's features show.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Resampling = Literal["bilinear", "bicubic"]
_BITS = 22
_REACH = {"bilinear": 1.0, "bicubic": 2.0}  # pixels that a kernel spans on either side
_CUBIC = -0.5


def resize_bytes(x_BCHW: Tensor, height: int, width: int, resampling: Resampling) -> Tensor:
    """(b, c, `height`, `width`) int32 of films of whole greys in [0, 255], along the rows first.

    Source: Pillow's Resample.c, `ImagingResample` of 8-bit images. Pillow 13 goes along the columns first for
    some films that are not square, which moves one pixel in four by one grey; Pillow 11 did not, and the
    protocols of others were run with it or with older ones.
    """
    return _along(_along(x_BCHW.int(), 3, width, resampling), 2, height, resampling)


def _along(x: Tensor, axis: int, size: int, resampling: Resampling) -> Tensor:
    if x.shape[axis] == size:
        return x
    places, weights = (torch.from_numpy(part).to(x.device) for part in _taps(x.shape[axis], size, resampling))
    across = (size, 1) if axis == 2 else (size,)
    total = torch.tensor(1 << (_BITS - 1), dtype=torch.int32, device=x.device)  # a half
    for place, weight in zip(places, weights, strict=True):
        total = total + x.index_select(axis, place) * weight.view(across)
    return (total >> _BITS).clamp(0, 255)


@lru_cache(maxsize=64)
def _taps(side: int, size: int, resampling: Resampling) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """(taps, size) places of pixels and their weights, of which those beyond a kernel's end are 0."""
    scale = side / size
    stretch = max(scale, 1.0)
    support = _REACH[resampling] * stretch
    centre = (np.arange(size) + 0.5) * scale
    first = np.maximum((centre - support + 0.5).astype(np.int64), 0)
    last = np.minimum((centre + support + 0.5).astype(np.int64), side)
    places = first + np.arange(int((last - first).max()))[:, None]
    kernel = _kernel((places - centre + 0.5) * (1.0 / stretch), resampling)
    weights = np.where(places < last, kernel, 0.0)
    total = np.zeros(size)
    for row in weights:  # one by one, as Pillow adds
        total += row
    weights = weights / total * (1 << _BITS)
    whole = np.trunc(weights + np.where(weights < 0, -0.5, 0.5)).astype(np.int32)
    return np.minimum(places, side - 1), whole


def _kernel(x: NDArray[np.float64], resampling: Resampling) -> NDArray[np.float64]:
    x = np.abs(x)
    if resampling == "bilinear":
        return np.maximum(1.0 - x, 0.0)
    near = ((_CUBIC + 2.0) * x - (_CUBIC + 3.0)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * _CUBIC
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))
