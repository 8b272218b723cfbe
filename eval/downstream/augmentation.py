"""What a film may go through and still show the same findings: pose, exposure, sharpness, noise.

Generated and reconstructed films are softer and differently exposed than the real ones; a classifier that is
to score them must not care. Never a flip: the heart is on the left.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_BLUR_TAPS = 7
_CHUNK = 16  # films that share one resampling factor


def augment_films(films_BHW: Tensor, generator: torch.Generator) -> Tensor:
    """Float32 (b, 1, h, w) in [0, 1]: each film of the batch uint8 (b, h, w) changed at random.

    Rotation up to 6 degrees, zoom 0.92-1.08 and shift up to 6 % of a side; gamma 0.75-1.35, contrast 0.8-1.2,
    brightness +-0.08; Gaussian blur of sigma up to 1.2 pixels on half of the films, resolution lowered up to
    2.5 times on a quarter, noise of up to 4 % on half.
    """
    x = films_BHW.unsqueeze(1).float().div_(255)
    x = _blur(_resample(_move(x, generator), generator), generator)
    return _expose(x, generator)


def _uniform(low: float, high: float, count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low


def _some(probability: float, count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) < probability


def _move(x: Tensor, generator: torch.Generator) -> Tensor:
    count = len(x)
    angle = _uniform(-6, 6, count, generator) * (math.pi / 180)
    zoom = _uniform(0.92, 1.08, count, generator)
    shift = _uniform(-0.12, 0.12, 2 * count, generator).view(count, 2)  # of half a side
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    affine = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1).view(count, 2, 3)
    grid = F.affine_grid(affine, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _resample(x: Tensor, generator: torch.Generator) -> Tensor:
    parts = []
    for part in torch.split(x, _CHUNK):
        lowered, factor = _some(0.25, 1, generator).item(), _uniform(1, 2.5, 1, generator).item()
        if lowered:
            height, width = x.shape[-2:]
            small = (max(8, round(height / factor)), max(8, round(width / factor)))
            part = F.interpolate(part, small, mode="bilinear", antialias=True, align_corners=False)
            part = F.interpolate(part, (height, width), mode="bicubic", align_corners=False)
        parts.append(part)
    return torch.cat(parts)


def _blur(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each film by its own separable kernel, as one grouped convolution an axis."""
    count = len(x)
    sigma = _uniform(0.3, 1.2, count, generator) * _some(0.5, count, generator)
    taps = torch.arange(_BLUR_TAPS) - _BLUR_TAPS // 2
    kernel = torch.exp(-(taps**2) / (2 * sigma.clamp(min=0.05)[:, None] ** 2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).view(count, 1, 1, _BLUR_TAPS)
    edge = _BLUR_TAPS // 2
    x = F.pad(x.transpose(0, 1), (edge, edge, edge, edge), mode="replicate")
    x = F.conv2d(F.conv2d(x, kernel, groups=count), kernel.transpose(2, 3), groups=count)
    return x.transpose(0, 1)


def _expose(x: Tensor, generator: torch.Generator) -> Tensor:
    count = len(x)
    gamma = _uniform(math.log(0.75), math.log(1.35), count, generator).exp().view(-1, 1, 1, 1)
    contrast = _uniform(0.8, 1.2, count, generator).view(-1, 1, 1, 1)
    brightness = _uniform(-0.08, 0.08, count, generator).view(-1, 1, 1, 1)
    grain = (_uniform(0, 0.04, count, generator) * _some(0.5, count, generator)).view(-1, 1, 1, 1)
    x = x.clamp(1e-4, 1).pow(gamma)
    x = (x - 0.5) * contrast + 0.5 + brightness
    return (x + grain * torch.randn(x.shape, generator=generator)).clamp_(0, 1)
