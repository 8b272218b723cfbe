"""Where in a lung a finding lies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffcxr.phantom.anatomy import Anatomy
from diffcxr.phantom.canvas import AXIS, Map
from diffcxr.phantom.study import Lesion
from diffcxr.phantom.thorax import Thorax, lung_height

SHARE_OF_HEIGHT = {"upper": 0.24, "middle": 0.52, "lower": 0.80, "diffuse": 0.55}


def sides(lesion: Lesion) -> tuple[float, ...]:
    """Signs of u: the patient's left is +1."""
    return {"left": (1.0,), "right": (-1.0,), "bilateral": (-1.0, 1.0), "midline": (1.0,)}[lesion.side]


def wall_at(anatomy: Anatomy, thorax: Thorax, v: float) -> float:
    """|u| of the inner chest wall at a height."""
    return max(0.12, float(np.interp(v, AXIS, thorax.lateral)))


def point_in_lung(
    thorax: Thorax,
    lesion: Lesion,
    sign: float,
    rng: np.random.Generator,
    across: tuple[float, float] = (0.3, 0.8),
) -> tuple[float, float]:
    """A chest point in the lesion's zone; `across` runs from 0 (midline) to 1 (chest wall)."""
    top, base = lung_height(thorax.anatomy, thorax.shot)
    v = top + (base - top) * (SHARE_OF_HEIGHT[lesion.zone] + rng.uniform(-0.07, 0.07))
    return sign * wall_at(thorax.anatomy, thorax, v) * rng.uniform(*across), v


def blobs(thorax: Thorax, spots: Sequence[tuple[float, float, float, float]], power: float = 1.0) -> Map:
    """Soft spots (u, v, radius_u, radius_v) united: 1 in a spot's middle, ill-defined at its rim.

    A larger `power` makes flatter spots with sharper rims.
    """
    canvas = thorax.canvas
    clear = np.ones_like(thorax.air)
    for u, v, radius_u, radius_v in spots:
        reach = 2.6 * max(radius_u, radius_v) if power <= 1.5 else 1.6 * max(radius_u, radius_v)
        at = canvas.window(u, v, reach)
        x = (canvas.u[at] - np.float32(u)) * np.float32(1 / radius_u)
        y = (canvas.v[at] - np.float32(v)) * np.float32(1 / radius_v)
        square = x * x + y * y
        clear[at] *= 1 - np.exp(-(square if power == 1 else square ** np.float32(power)))
    return 1 - clear
