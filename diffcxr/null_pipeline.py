"""A pipeline without a model: the engine is tested and measured with it, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

_GRAIN = 16  # texture cells a side: coarse enough to compress as a radiograph does


@dataclass(frozen=True, slots=True)
class NullImages:
    """What a call returns; `images` is float32 (B, H, W) in [0, 1]."""

    images: NDArray[np.float32]


class NullPipeline:
    """Grey textures from each sample's generator, called as a diffusers text-to-image pipeline is called."""

    size = 128

    def __call__(
        self,
        prompt: Sequence[str],
        *,
        generator: Sequence[torch.Generator],
        num_inference_steps: int = 0,
        guidance_scale: float = 0.0,
        height: int | None = None,
        width: int | None = None,
        output_type: str = "np",
    ) -> NullImages:
        """One texture a prompt: neither its words, nor steps and guidance, nor its neighbours change it."""
        cells = torch.stack([torch.rand((_GRAIN, _GRAIN), generator=noise) for noise in generator])
        rows, columns = _blend(height or self.size), _blend(width or self.size).T
        films = torch.bmm(rows @ cells, columns.expand(len(cells), -1, -1))  # each by itself
        return NullImages(films[: len(prompt)].numpy())


@cache
def _blend(side: int) -> torch.Tensor:
    """How much of each cell is in each of `side` pixels (side, _GRAIN): of the two beside it, linearly."""
    places = torch.linspace(0, _GRAIN - 1, side)[:, None]
    return (1 - (places - torch.arange(_GRAIN)).abs()).clamp(min=0)
