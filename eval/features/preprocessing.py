"""How films are brought to a network, as data: both the tensors and the words in the digest come from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from eval.features.byte_resize import Resampling, resize_bytes

# Shapes: B films, H x W pixels, C channels. Grey values run from 0 to `top`, 1 or 255.


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize:
    """To `size` pixels a side, stretched; `shorter`: the shorter side to `size`, the longer in proportion."""

    size: int
    resampling: Resampling = "bilinear"
    antialias: bool
    shorter: bool = False
    rounded: bool = False  # to whole grey values, antialiased, as Pillow resizes an image file

    def __call__(self, x_B1HW: Tensor, top: float) -> Tensor:
        height, width = x_B1HW.shape[-2:]
        if self.shorter:
            short = min(height, width)
            height, width = (self.size * side // short for side in (height, width))
        else:
            height = width = self.size
        if self.rounded:
            greys = (x_B1HW * (255 / top)).round()
            return resize_bytes(greys, height, width, self.resampling).float() / (255 / top)
        x = F.interpolate(
            x_B1HW, (height, width), mode=self.resampling, antialias=self.antialias, align_corners=False
        )
        if self.resampling == "bicubic":
            x = x.clamp(0, top)  # its kernel overshoots at edges
        return x

    def __str__(self) -> str:
        to = f"{self.size} on the shorter side" if self.shorter else f"{self.size}x{self.size}"
        how = f"{'antialiased ' if self.antialias else ''}{self.resampling} to {to}"
        return f"{how}, as Pillow in 8 bits" if self.rounded else how


@dataclass(frozen=True, slots=True)
class CornerResize:
    """To `size` pixels a side, stretched, bilinear between pixels whose first corners lie on each other.

    As TensorFlow 1's resize_bilinear, on whose features the first FIDs were taken: pixel i is looked for at i
    times the scale, without the half pixel that others add, and nothing is antialiased.
    """

    size: int

    def __call__(self, x_B1HW: Tensor, top: float) -> Tensor:
        x = x_B1HW
        for axis in (3, 2):
            side = x.shape[axis]
            place = torch.arange(self.size, device=x.device, dtype=torch.float32) * (side / self.size)
            low = place.long()
            share = (place - low).view(-1, *(1,) * (3 - axis))
            below, above = (x.index_select(axis, at) for at in (low, (low + 1).clamp_max(side - 1)))
            x = below + (above - below) * share
        return x

    def __str__(self) -> str:
        return f"bilinear to {self.size}x{self.size} from the corner, TensorFlow 1"


@dataclass(frozen=True, slots=True)
class CentreCrop:
    """The `size` x `size` pixels in the middle of films that are no smaller.

    Of an odd number of pixels left over, transformers has the odd one behind; `even`: torchvision where
    an even number stays in front.
    """

    size: int
    even: bool = False

    def __call__(self, x_B1HW: Tensor, top: float) -> Tensor:
        over = [side - self.size for side in x_B1HW.shape[-2:]]
        y, x = (round(pixels / 2) if self.even else pixels // 2 for pixels in over)
        return x_B1HW[..., y : y + self.size, x : x + self.size]

    def __str__(self) -> str:
        return f"centre crop to {self.size}x{self.size}{', torchvision' if self.even else ''}"


@dataclass(frozen=True, slots=True)
class MiddleSquare:
    """The largest square in the middle, as torchxrayvision's XRayCenterCrop takes it."""

    def __call__(self, x_B1HW: Tensor, top: float) -> Tensor:
        size = min(x_B1HW.shape[-2:])
        y, x = (side // 2 - size // 2 for side in x_B1HW.shape[-2:])
        return x_B1HW[..., y : y + size, x : x + size]

    def __str__(self) -> str:
        return "the square in the middle"


@dataclass(frozen=True, slots=True)
class SmoothResize:
    """scikit-image's `resize` of squares to `size` pixels a side: a Gaussian, then bilinear.

    What lies beyond the edges is grey, half of `top`: 0, where scikit-image was given values about 0.
    """

    size: int

    def __call__(self, x_B1HW: Tensor, top: float) -> Tensor:
        deviations = x_B1HW - top / 2
        if (sigma := (x_B1HW.shape[-1] / self.size - 1) / 2) > 0:
            reach = int(4 * sigma + 0.5)  # scipy's: four deviations
            taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=x_B1HW.device) / sigma) ** 2)
            taps = (taps / taps.sum()).to(x_B1HW.dtype)
            deviations = F.conv2d(deviations, taps.view(1, 1, -1, 1), padding=(reach, 0))
            deviations = F.conv2d(deviations, taps.view(1, 1, 1, -1), padding=(0, reach))
        places = (2 * torch.arange(self.size, device=x_B1HW.device) + 1) / self.size - 1
        grid = torch.stack(torch.meshgrid(places, places, indexing="xy"), dim=-1).expand(
            len(x_B1HW), -1, -1, -1
        )
        return F.grid_sample(deviations, grid, padding_mode="zeros", align_corners=False) + top / 2

    def __str__(self) -> str:
        return f"Gaussian of scikit-image, bilinear to {self.size}x{self.size}, grey beyond"


@dataclass(frozen=True, slots=True)
class FullRange:
    """Each film's darkest grey to black, its brightest to white, in whole greys; an even film is black."""

    def __call__(self, x_B1HW: Tensor, top: float) -> Tensor:
        greys = (x_B1HW * (255 / top)).round().double()
        greys = greys - greys.amin((2, 3), keepdim=True)
        most = greys.amax((2, 3), keepdim=True)
        # hi-ml's own operations, in their order: to which grey a quotient is cut depends on its last bit.
        return (greys / torch.where(most > 0, most, 1) * 255).floor().to(x_B1HW.dtype) * (top / 255)

    def __str__(self) -> str:
        return "darkest to black, brightest to white"


Step = Resize | CornerResize | CentreCrop | MiddleSquare | SmoothResize | FullRange


@dataclass(frozen=True, slots=True)
class Range:
    """Grey values from `low`, black, to `high`, white; resized as values in [0, 1]."""

    low: float
    high: float

    top = 1.0

    def __call__(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW * (self.high - self.low) + self.low

    def __str__(self) -> str:
        sign = "-" if self.low < 0 else "+"
        return f"{_number(self.high - self.low)} x / 255 {sign} {_number(abs(self.low))}"


@dataclass(frozen=True, slots=True)
class Standardised:
    """(x - mean) / std of grey values in [0, 255]: one mean and std for all channels, or one each."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    top = 255.0

    def __call__(self, x_BCHW: Tensor) -> Tensor:
        mean, std = (x_BCHW.new_tensor(each)[:, None, None] for each in (self.mean, self.std))
        return (x_BCHW - mean) / std

    def __str__(self) -> str:
        mean, std = (", ".join(map(_number, each)) for each in (self.mean, self.std))
        if len(self.mean) > 1:
            mean, std = f"[{mean}]", f"[{std}]"
        return f"(x - {mean}) / {std}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """Steps on grey films, then their values, the same in each of `channels`. Its text goes into digests."""

    steps: tuple[Step, ...]
    values: Range | Standardised
    channels: int = 3

    def __call__(self, films: NDArray[np.uint8], device: str) -> Tensor:
        """Float32 (b, channels, size, size) on `device` of films (b, h, w)."""
        x = torch.from_numpy(films).to(device).float().unsqueeze(1)
        if self.values.top != 255:
            x = x / 255
        for step in self.steps:
            x = step(x, self.values.top)
        return self.values(x).expand(-1, self.channels, -1, -1)

    def __str__(self) -> str:
        return "; ".join(map(str, (f"grey to {self.channels} channels", *self.steps, self.values)))


def _number(value: float) -> str:
    return f"{value:.10g}"
