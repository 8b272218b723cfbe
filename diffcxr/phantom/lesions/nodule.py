"""Lung lesions: nodules and masses."""

from __future__ import annotations

import numpy as np

from diffcxr.phantom.canvas import soft_step
from diffcxr.phantom.lesions.place import point_in_lung, sides
from diffcxr.phantom.study import Lesion
from diffcxr.phantom.thorax import Thorax


def draw_lung_lesion(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> None:
    """A round shadow with a sharp border; a mass is larger and lobulated or spiculated."""
    canvas = thorax.canvas
    for sign in sides(lesion):
        mass = lesion.kind == "mass"
        radius = 0.125 + 0.075 * lesion.extent if mass else 0.062 + 0.035 * lesion.extent
        u, v = point_in_lung(thorax, lesion, sign, rng, (0.48, 0.80))
        at = canvas.window(u, v, 1.5 * radius)
        x, y = canvas.u[at] - np.float32(u), canvas.v[at] - np.float32(v)
        angle = np.arctan2(y, x)
        lobes = rng.integers(3, 6)
        wave = (0.10 if mass else 0.04) * np.cos(lobes * angle + np.float32(rng.uniform(0, 6)))
        edge = radius * (1 + wave.astype(np.float32)) - np.hypot(x, y)
        body = soft_step(edge, 0.022) * (0.65 + 0.35 * np.sqrt(np.clip(edge / radius, 0, 1)))
        thorax.tissue[at] += np.float32(0.80 + 0.40 * lesion.severity) * body * thorax.inside[at]
