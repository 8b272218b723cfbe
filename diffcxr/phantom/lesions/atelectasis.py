"""Atelectasis: plates of collapsed lung above a diaphragm that is drawn up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diffcxr.phantom.anatomy import Anatomy
from diffcxr.phantom.canvas import Stroke
from diffcxr.phantom.lesions.place import sides, wall_at
from diffcxr.phantom.study import Lesion
from diffcxr.phantom.thorax import Thorax


def collapse(anatomy: Anatomy, lesion: Lesion) -> Anatomy:
    """The anatomy with the diaphragm raised under the collapsed lung."""
    if lesion.name != "Atelectasis":
        return anatomy
    rise = 0.03 + 0.09 * lesion.extent
    return replace(
        anatomy,
        dome_right=anatomy.dome_right - (rise if lesion.side != "left" else 0.0),
        dome_left=anatomy.dome_left - (rise if lesion.side != "right" else 0.0),
    )


def draw_atelectasis(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> None:
    """Thick bands, nearly level, across the base of the lung."""
    lines: list[Stroke] = []
    for sign in sides(lesion):
        dome = thorax.anatomy.dome_left if sign > 0 else thorax.anatomy.dome_right
        floor = dome - thorax.shot.breath
        count = 2 if lesion.extent < 0.55 else 3
        v = floor - 0.085
        for _ in range(count):
            slope = rng.uniform(-0.22, 0.12)
            wall = wall_at(thorax.anatomy, thorax, v)
            start = wall * rng.uniform(0.30, 0.42)
            end = wall * rng.uniform(0.82, 0.97)
            bow = rng.uniform(-0.03, 0.03)
            along = np.linspace(0, 1, 7)
            level = v + slope * (end - start) * along + bow * np.sin(np.pi * along)
            path = np.stack([sign * (start + (end - start) * along), level], axis=1)
            thick = (0.054 + 0.018 * lesion.severity) * np.array([0.6, 0.9, 1.0, 1.0, 0.9, 0.6])
            lines.append(Stroke(path, thick.tolist()))
            v -= rng.uniform(0.10, 0.13)
    plates = thorax.canvas.strokes(lines) * thorax.inside
    thorax.tissue += np.float32(0.42 + 0.30 * lesion.severity) * plates
