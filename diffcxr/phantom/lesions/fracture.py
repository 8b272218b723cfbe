"""Broken ribs: the outer fragments stand below their place, with a dark gap and callus about it."""

from __future__ import annotations

import numpy as np

from diffcxr.phantom.canvas import Stroke
from diffcxr.phantom.lesions.place import SHARE_OF_HEIGHT, sides, wall_at
from diffcxr.phantom.skeleton import rib_line
from diffcxr.phantom.study import Lesion
from diffcxr.phantom.thorax import Thorax, lung_height


def draw_fracture(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> None:
    """Two to four neighbouring ribs, broken one above the other; a clavicle is drawn with the skeleton."""
    if lesion.kind == "clavicle":
        return
    canvas, anatomy = thorax.canvas, thorax.anatomy
    top, base = lung_height(anatomy, thorax.shot)
    v = top + (base - top) * (SHARE_OF_HEIGHT[lesion.zone] * 0.8 + 0.06)
    step = 0.045 + 0.02 * lesion.severity
    fragments: list[Stroke] = []
    gaps: list[Stroke] = []
    for sign in sides(lesion):
        across = rng.uniform(0.66, 0.84)
        out = across * wall_at(anatomy, thorax, v)
        first = round((v - float(rib_line(anatomy, 0, np.array([out]))[0])) / anatomy.rib_spacing)
        for number in range(max(1, first), max(1, first) + 2 + round(2 * lesion.extent)):
            here = out + rng.uniform(-0.03, 0.03)
            reach = here + np.linspace(-0.11, 0.13, 7)
            line = rib_line(anatomy, number, reach)
            inner = np.stack([sign * reach[:4], line[:4] - 0.3 * step], axis=1)
            outer = np.stack([sign * reach[3:], line[3:] + step], axis=1)
            swollen = (0.036, 0.048, 0.060)
            fragments += [Stroke(inner, swollen), Stroke(outer, swollen[::-1])]
            knee = float(line[3])
            gaps.append(
                Stroke([(sign * (here - 0.025), knee + 0.06), (sign * (here + 0.015), knee - 0.055)], 0.034)
            )
    bone = np.float32(0.55 + 0.30 * lesion.severity)
    cut = canvas.strokes(gaps)
    thorax.tissue += bone * canvas.strokes(fragments) * (1 - cut) - np.float32(0.4) * cut
