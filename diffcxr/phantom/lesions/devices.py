"""Tubes, lines, pacemakers and wires."""

from __future__ import annotations

import numpy as np

from diffcxr.phantom.canvas import Stroke, rounded
from diffcxr.phantom.study import Lesion
from diffcxr.phantom.thorax import Thorax


def draw_device(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> None:
    """The device of the lesion's kind, in its place."""
    lines, plates, density = _DEVICES[lesion.kind](thorax, lesion, rng)
    if lines:
        thorax.tissue += np.float32(density) * thorax.canvas.strokes(lines)
    if plates:
        thorax.tissue += np.float32(1.6) * thorax.canvas.polygon(plates)


Outline = list[tuple[float, float]]
Drawing = tuple[list[Stroke], list[Outline], float]


def _endotracheal(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> Drawing:
    tip = thorax.anatomy.knob_v + 0.10 - rng.uniform(0.05, 0.16)
    middle = 0.4 * thorax.shot.pose.turn
    lines = []
    for offset in (-0.027, 0.027):
        path = [
            (middle + offset + 0.02, -1.3),
            (middle + offset, -0.8),
            (middle + offset, tip - 0.02 * (offset > 0)),
        ]
        lines.append(Stroke(path, 0.030))
    return lines, [], 1.1


def _central_line(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> Drawing:
    anatomy = thorax.anatomy
    sign = 1.0 if lesion.side == "left" else -1.0
    cava = -0.085
    tip = anatomy.knob_v + rng.uniform(0.12, 0.26)
    if rng.random() < 0.5:  # jugular
        start = [(sign * 0.22, -1.2), (sign * 0.20, -0.85), (sign * 0.14, -0.62)]
    else:  # subclavian
        level = anatomy.clavicle_v + 0.05
        start = [(sign * 0.75, level + 0.16), (sign * 0.50, level + 0.02), (sign * 0.24, level - 0.02)]
    path = rounded([*start, (cava, anatomy.knob_v - 0.08), (cava, tip)])
    return [Stroke(path, 0.042)], [], 1.1


def _pacemaker(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> Drawing:
    anatomy = thorax.anatomy
    sign = 1.0 if lesion.side == "left" else -1.0
    u = sign * anatomy.half_width * rng.uniform(0.70, 0.85)
    v = anatomy.clavicle_v + rng.uniform(0.14, 0.22)
    a, b, tilt = rng.uniform(0.075, 0.095), rng.uniform(0.06, 0.075), rng.uniform(-0.4, 0.4)
    angles = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    x = a * np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** 0.5
    y = b * np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** 0.5
    box = [
        (u + p * np.cos(tilt) - q * np.sin(tilt), v + p * np.sin(tilt) + q * np.cos(tilt))
        for p, q in zip(x, y, strict=True)
    ]
    low = anatomy.heart_low - 0.6 * thorax.shot.breath
    stem = [(u, v - b), (sign * 0.42, anatomy.clavicle_v - 0.02), (sign * 0.18, anatomy.clavicle_v + 0.06)]
    leads = [rounded([*stem, (-0.09, -0.25), (-0.10, low - 0.10), (0.55 * anatomy.heart_left, low + 0.12)])]
    if rng.random() < 0.6:
        leads.append(rounded([*stem, (-0.08, -0.25), (-0.12, low - 0.05), (-0.05, low - 0.16)]))
    return [Stroke(lead, 0.036) for lead in leads], [box], 1.1


def _nasogastric(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> Drawing:
    floor = thorax.anatomy.dome_left - thorax.shot.breath
    bow = rng.uniform(-0.02, 0.03)
    path = rounded(
        [
            (0.01, -1.3),
            (bow, -0.5),
            (0.03 + bow, 0.0),
            (0.05, floor - 0.02),
            (0.12, floor + 0.10),
            (0.26 + rng.uniform(0, 0.1), floor + 0.20),
        ]
    )
    return [Stroke(path, 0.044)], [], 1.1


def _sternal_wires(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> Drawing:
    middle = 1.5 * thorax.shot.pose.turn
    lines = []
    for v in np.linspace(-0.42, 0.14, 5) + rng.normal(0, 0.008, 5):
        a = rng.uniform(0.055, 0.075)
        tilt = rng.uniform(-0.015, 0.015)
        loop = [
            (middle - a, v - tilt),
            (middle, v - 0.034),
            (middle + a, v + tilt),
            (middle, v + 0.034),
            (middle - a, v - tilt),
        ]
        lines.append(Stroke(loop, 0.034))
    return lines, [], 1.5


_DEVICES = {
    "endotracheal tube": _endotracheal,
    "central venous catheter": _central_line,
    "pacemaker": _pacemaker,
    "nasogastric tube": _nasogastric,
    "sternal wires": _sternal_wires,
}
