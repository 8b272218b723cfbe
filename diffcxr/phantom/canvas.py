"""The plane on which a chest is drawn: coordinates of the patient at every pixel, and strokes between points.

Chest coordinates are relative: u runs to the patient's left (the viewer's right), v downwards, and the film
shows about [-1, 1] of both at a neutral pose. Whatever is drawn in them is the same at 128 and at 512 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Map = NDArray[np.float32]
Points = NDArray[np.float64] | Sequence[tuple[float, float]]

AXIS: Map = np.linspace(-2.5, 2.5, 2048, dtype=np.float32)
"""Where profiles along u or v are tabulated."""

_KNOTS = np.linspace(-2.7, 2.7, 384)  # wider than AXIS: smoothing runs out beyond it
_STROKE_OVERSAMPLING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How the patient stands before the detector."""

    zoom: float  # film half-widths a unit of u
    shift_u: float  # of the chest's centre on the film
    shift_v: float
    tilt: float  # radians, in the film's plane
    turn: float  # about the long axis: shifts what is anterior to the patient's left
    bend: float  # scoliosis, amplitude in u


class Canvas:
    """Pixel coordinates in the chest's frame; `u`, `v` are (size, size) float32."""

    def __init__(self, size: int, pose: Pose) -> None:
        self.size, self.pose = size, pose
        centre = ((np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1).astype(np.float32)
        x, y = centre[None, :] - np.float32(pose.shift_u), centre[:, None] - np.float32(pose.shift_v)
        cos, sin = np.float32(np.cos(pose.tilt) / pose.zoom), np.float32(np.sin(pose.tilt) / pose.zoom)
        self.v: Map = cos * y - sin * x
        self._row = self._index(self.v)
        self.u: Map = cos * x + sin * y - self.along_v(_bend(pose, AXIS))
        self._column = self._index(self.u)
        self.outward: Map = np.abs(self.u)

    @staticmethod
    def _index(coordinate: Map) -> NDArray[np.intp]:
        step = float(AXIS[1] - AXIS[0])
        position = (coordinate - (float(AXIS[0]) - step / 2)) / np.float32(step)
        index: NDArray[np.intp] = np.clip(position, 0, len(AXIS) - 1).astype(np.intp)
        return index

    def along_v(self, profile: Map) -> Map:
        """The profile over AXIS, taken at each pixel's v."""
        return profile.take(self._row)

    def along_u(self, profile: Map) -> Map:
        """The profile over AXIS, taken at each pixel's u."""
        return profile.take(self._column)

    def pixels(self, points: Points) -> NDArray[np.float64]:
        """Pixel positions (n, 2) of chest points (n, 2); the inverse of `u`, `v`."""
        point = np.asarray(points, dtype=np.float64)
        u, v = point[:, 0] + _bend(self.pose, point[:, 1]), point[:, 1]
        cos, sin = np.cos(self.pose.tilt) * self.pose.zoom, np.sin(self.pose.tilt) * self.pose.zoom
        x, y = cos * u - sin * v + self.pose.shift_u, sin * u + cos * v + self.pose.shift_v
        place = np.empty((len(x), 2))
        place[:, 0], place[:, 1] = x, y
        return (place + 1) * (self.size / 2)

    def window(self, u: float, v: float, radius: float) -> tuple[slice, slice]:
        """Rows and columns of the square of half-width `radius` about a chest point; may be empty."""
        x, y = self.pixels([(u, v)])[0]
        reach = radius * self.pose.zoom * self.size / 2 + 1
        rows = slice(max(0, int(y - reach)), max(0, min(self.size, int(y + reach) + 1)))
        return rows, slice(max(0, int(x - reach)), max(0, min(self.size, int(x + reach) + 1)))

    def strokes(self, lines: Sequence[Stroke]) -> Map:
        """The lines as a map in [0, 1]; where two cross, the later one is seen."""
        factor = _STROKE_OVERSAMPLING
        image = Image.new("L", (self.size * factor, self.size * factor))
        pen = ImageDraw.Draw(image)
        scale = self.pose.zoom * self.size / 2 * factor
        joint = "curve" if self.size > 192 else None  # costly, and finer than a small film's pixels
        paths = (self.pixels(np.concatenate([np.asarray(line.points) for line in lines])) * factor).tolist()
        start = 0
        for line in lines:
            count = len(line.points)
            path = [(x, y) for x, y in paths[start : start + count]]
            start += count
            fill = int(255 * line.value)
            if isinstance(line.width, float):
                pen.line(path, fill=fill, width=max(1, round(line.width * scale)), joint=joint)
                continue
            for here, there, width in zip(path[:-1], path[1:], line.width, strict=True):
                pen.line([here, there], fill=fill, width=max(1, round(width * scale)))
        return np.asarray(image.reduce(factor), dtype=np.float32) * np.float32(1 / 255)

    def polygon(self, outlines: Sequence[Points]) -> Map:
        """The filled outlines as a map in [0, 1]."""
        factor = _STROKE_OVERSAMPLING
        image = Image.new("L", (self.size * factor, self.size * factor))
        pen = ImageDraw.Draw(image)
        for outline in outlines:
            path = self.pixels(outline) * factor
            pen.polygon([(float(x), float(y)) for x, y in path], fill=255)
        return np.asarray(image.reduce(factor), dtype=np.float32) * np.float32(1 / 255)


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through chest points; `width` in u is one number or one a segment; `value` in [0, 1]."""

    points: Points
    width: float | Sequence[float]
    value: float = 1.0


def _bend(pose: Pose, v: NDArray[np.floating]) -> NDArray[np.floating]:
    wave: NDArray[np.floating] = pose.bend * np.sin(2.4 * v + 0.6)
    return wave


def rounded(points: Points, times: int = 2) -> NDArray[np.float64]:
    """The path with its corners cut `times` (Chaikin 1974), its ends kept."""
    path = np.asarray(points, dtype=np.float64)
    for _ in range(times):
        near, far = 0.75 * path[:-1] + 0.25 * path[1:], 0.25 * path[:-1] + 0.75 * path[1:]
        path = np.concatenate([path[:1], np.stack([near, far], axis=1).reshape(-1, 2), path[-1:]])
    return path


def soft_step(distance: Map, width: float) -> Map:
    """0 outside, 1 inside: a smooth step of `width` about distance 0."""
    t = np.clip(distance * np.float32(1 / width) + np.float32(0.5), 0, 1)
    step: Map = t * t * (3 - 2 * t)
    return step


def dome(distance: Map, depth: float) -> Map:
    """The thickness of a rounded body at `distance` inside its edge: 0 there, 1 from `depth` on."""
    t = np.clip(distance * np.float32(1 / depth), 0, 1)
    thickness: Map = np.sqrt(t * (2 - t))
    return thickness


def curve(points: Sequence[tuple[float, float]], smooth: float = 0.06) -> Map:
    """A smooth profile over AXIS through (position, value) points; `smooth` is the rounding, in u."""
    at, value = zip(*points, strict=True)
    profile = np.interp(_KNOTS, at, value)
    taps = max(1, int(smooth / float(_KNOTS[1] - _KNOTS[0]))) | 1
    box = np.full(taps, 1 / taps)
    profile = np.convolve(np.convolve(profile, box, mode="same"), box, mode="same")
    return np.interp(AXIS, _KNOTS, profile).astype(np.float32)


def clouds(rng: np.random.Generator, size: int, cells: int) -> Map:
    """Smooth noise (size, size), mean 0, sd about 1, with `cells` waves across the film."""
    grid = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
    image = Image.fromarray(grid).resize(
        (size, size), Image.Resampling.BICUBIC, box=(1, 1, cells + 2, cells + 2)
    )
    return np.asarray(image, dtype=np.float32) * np.float32(1.5)


def blur(image: Map, factor: int) -> Map:
    """A wide blur by way of a small image, `factor` times smaller."""
    size = image.shape[0]
    small = Image.fromarray(image).reduce(factor)
    return np.asarray(small.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)
