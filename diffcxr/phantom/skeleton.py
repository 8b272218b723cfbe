"""Bones: spine, ribs, clavicles, shoulder blades, upper arms."""

from __future__ import annotations

import numpy as np

from diffcxr.phantom.anatomy import Anatomy
from diffcxr.phantom.canvas import AXIS, Map, Points, Stroke, dome, rounded, soft_step
from diffcxr.phantom.thorax import Thorax


def draw_skeleton(thorax: Thorax, broken_clavicle: str = "", gap: float = 0.0) -> None:
    """Add the bones; `broken_clavicle` is "left" or "right", its outer part displaced downwards by `gap`."""
    thorax.tissue += _spine(thorax) + _ribs(thorax) + _shoulders(thorax, broken_clavicle, gap)


def rib_line(anatomy: Anatomy, number: int, outward: np.ndarray) -> np.ndarray:
    """v of the posterior arc of rib `number` (0 is the topmost drawn) at |u| = outward."""
    level = anatomy.apex - 0.04 + (number + anatomy.rib_phase) * anatomy.rib_spacing
    return level + _posterior_fall(anatomy, np.asarray(outward, dtype=np.float32))


def _posterior_fall(anatomy: Anatomy, outward: np.ndarray) -> np.ndarray:
    reach = outward / np.float32(anatomy.half_width)
    return np.float32(anatomy.rib_slope) * (1.1 * reach**3 - 0.35 * reach)


def _ribs(thorax: Thorax) -> Map:
    canvas, anatomy = thorax.canvas, thorax.anatomy
    start = np.float32(anatomy.apex - 0.04 + anatomy.rib_phase * anatomy.rib_spacing)
    out = np.abs(AXIS)
    fall = canvas.along_u(_posterior_fall(anatomy, out).astype(np.float32))
    posterior = (canvas.v - start - fall) / np.float32(anatomy.rib_spacing)
    reach = np.clip(out / anatomy.half_width, 0, 1.1)
    climb = canvas.along_u((anatomy.rib_slope * (1.75 - 2.6 * reach + 1.2 * reach**4)).astype(np.float32))
    anterior = (canvas.v - start - climb + np.float32(0.3 * anatomy.rib_spacing)) / np.float32(
        1.12 * anatomy.rib_spacing
    )
    wall = soft_step(thorax.to_wall + np.float32(0.07), 0.04) * soft_step(
        canvas.outward - np.float32(0.05), 0.04
    )
    edge = np.clip(1.6 - 7 * np.clip(thorax.to_wall + np.float32(0.07), 0, 0.12), 1, 2)
    front = soft_step(canvas.outward - np.float32(0.38 * anatomy.half_width), 0.16)
    above = np.clip(1 - (canvas.v - np.float32(0.4)) * 3, 0.2, 1)
    bone = np.float32(anatomy.bone)
    width = anatomy.rib_width
    ribs: Map = _band(posterior, width) + 0.6 * front * _band(anterior, width * 1.05)
    ribs *= wall * above * bone * edge
    return ribs


def _band(phase: Map, width: float) -> Map:
    """A periodic rib: a flat cross-section with denser cortex at its edges."""
    t = np.linspace(-0.5, 0.5, 256, endpoint=False, dtype=np.float32)
    edge = np.float32(width / 2) - np.abs(t)
    profile = soft_step(edge, 0.16) * (0.75 + 0.5 * np.exp(-np.square((edge - 0.06) / 0.05)))
    band: Map = profile.astype(np.float32).take(((phase * 256).astype(np.int32) + 128) & 255)
    return band


def _spine(thorax: Thorax) -> Map:
    canvas, anatomy = thorax.canvas, thorax.anatomy
    phase = (AXIS / anatomy.vertebra + anatomy.rib_phase) % 1
    disc = np.exp(-np.square((phase - 0.5) / 0.12))
    level = (0.30 * (1 - 0.5 * disc) * np.clip(0.85 + 0.25 * AXIS, 0.4, 1.3)).astype(np.float32)
    waist = np.float32(anatomy.spine_width) * canvas.along_v((1 + 0.10 * disc).astype(np.float32))
    return canvas.along_v(level) * dome(waist - canvas.outward, 0.05)


def clavicle_points(anatomy: Anatomy, turn: float, side: str) -> np.ndarray:
    """The clavicle from the sternum outwards, a smooth path (n, 2)."""
    sign = 1.0 if side == "left" else -1.0
    out = np.array([0.075, 0.2, 0.36, 0.52, 0.68]) * anatomy.half_width / 0.65
    rise = anatomy.clavicle_rise * np.array([0, 0.1, 0.5, 0.95, 1.0]) + np.array([0, -0.03, -0.02, 0.03, 0.0])
    return rounded(np.stack([sign * out + 1.5 * turn, anatomy.clavicle_v - rise], axis=1))


def _shoulders(thorax: Thorax, broken: str, gap: float) -> Map:
    canvas, anatomy, shot = thorax.canvas, thorax.anatomy, thorax.shot
    lines: list[Stroke] = []
    blades: list[Points] = []
    for side in ("right", "left"):
        sign = 1.0 if side == "left" else -1.0
        points = clavicle_points(anatomy, shot.pose.turn, side)
        if side == broken:
            inner, outer = points[:7].copy(), points[6:].copy()
            inner[4:] += np.array([0.0, -0.25 * gap]) * np.array([[0.3], [0.6], [1.0]])
            outer += [0.3 * gap * sign, 1.1 * gap]
            outer[-3:, 1] -= 0.3 * gap
            lines += [Stroke(inner, 0.056), Stroke(outer, 0.056)]
        else:
            lines.append(Stroke(points, 0.054))
        lines.append(Stroke(points[:2], 0.075))
        top = anatomy.clavicle_v - anatomy.clavicle_rise
        joint = sign * (0.86 * anatomy.half_width + 0.22)
        down = 0.10 if shot.arms else 0.22
        arm = [(joint, top + 0.07), (joint + 0.08 * sign, top + 0.16), (joint + down * sign, top + 0.7)]
        lines.append(Stroke(rounded(arm), 0.11, 0.45))
        inside = sign * (anatomy.half_width * (1.10 - 0.32 * shot.scapula))
        blade = [
            (inside, top + 0.12),
            (joint, top + 0.02),
            (joint, top + 0.18),
            (inside + 0.1 * sign, top + 0.62),
        ]
        blades.append(rounded([*blade, blade[0]]))
    bone = np.float32(0.40 + 0.7 * anatomy.bone)
    return canvas.strokes(lines) * bone + canvas.polygon(blades) * np.float32(0.16)
