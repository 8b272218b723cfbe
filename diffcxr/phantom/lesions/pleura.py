"""Findings of the pleural space: effusion, pneumothorax, thickening and plaques."""

from __future__ import annotations

import numpy as np

from diffcxr.phantom.canvas import AXIS, soft_step
from diffcxr.phantom.lesions.place import sides, wall_at
from diffcxr.phantom.study import Lesion
from diffcxr.phantom.thorax import Thorax, lung_height


def draw_effusion(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> None:
    """Fluid over the diaphragm: a meniscus that climbs the chest wall; lying down, a veil besides.

    It covers the old line of the diaphragm, so that the costophrenic angle is blunt.
    """
    canvas, anatomy = thorax.canvas, thorax.anatomy
    top, base = lung_height(anatomy, thorax.shot)
    supine = thorax.shot.arms or thorax.shot.scapula > 0.45
    for sign in sides(lesion):
        dome_v = (anatomy.dome_left if sign > 0 else anatomy.dome_right) - thorax.shot.breath
        amount = lesion.extent * rng.uniform(0.85, 1.1)
        level = dome_v + 0.07 - (base - top) * 0.50 * amount
        climb = 0.13 + 0.14 * amount
        here = thorax.side("left" if sign > 0 else "right")
        rise = climb * np.exp(-np.clip(thorax.to_wall, 0, 1) / np.float32(0.20))
        depth = canvas.v - np.float32(level) + rise
        fluid = soft_step(depth, 0.05) * here
        thorax.fill((0.80 + 0.2 * lesion.severity) * fluid)
        thorax.heart *= 1 - np.float32(0.5) * fluid
        thorax.tissue += np.float32(0.10) * fluid
        if supine:
            veil = np.clip((canvas.v - np.float32(top)) / np.float32(base - top), 0, 1) * here
            thorax.fill(np.float32(0.15 + 0.30 * amount) * veil)


def draw_pneumothorax(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> None:
    """Air between chest wall and lung: a white pleural line, and nothing but black outside it."""
    canvas, anatomy = thorax.canvas, thorax.anatomy
    top, base = lung_height(anatomy, thorax.shot)
    gap = 0.12 + 0.20 * lesion.extent
    widest = top + (base - top) * rng.uniform(0.2, 0.45)
    for sign in sides(lesion):
        here = thorax.side("left" if sign > 0 else "right")
        taper = np.exp(-np.square((AXIS - widest) / (0.75 * (base - top))))
        offset = canvas.along_v((gap * taper).astype(np.float32))
        lung_top = np.float32(top + 0.9 * gap)
        from_edge = np.minimum(thorax.to_wall - offset, 0.8 * (canvas.v - lung_top))
        bare = soft_step(-from_edge, 0.02) * here * thorax.inside
        line = (
            soft_step(np.float32(0.021) - np.abs(from_edge + np.float32(0.008)), 0.016) * here * thorax.inside
        )
        full = np.minimum(1.0, 1.15 * thorax.air + np.float32(0.14)) * thorax.inside
        thorax.vessels *= 1 - bare
        thorax.air += bare * (full - thorax.air)
        thorax.fill(np.float32(0.08 + 0.30 * lesion.extent) * (here - bare) * thorax.inside)
        thorax.tissue += np.float32(0.40 + 0.2 * lesion.severity) * line


def draw_pleural_other(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> None:
    """A thick pleura along the chest wall or over the apex, or calcified plaques on it."""
    if lesion.kind == "plaque":
        _draw_plaques(thorax, lesion, rng)
        return
    canvas, anatomy = thorax.canvas, thorax.anatomy
    top, base = lung_height(anatomy, thorax.shot)
    thick = 0.085 + 0.05 * lesion.severity
    for sign in sides(lesion):
        here = thorax.side("left" if sign > 0 else "right")
        if lesion.zone == "upper":
            low = np.float32(top + 0.19 + 0.12 * lesion.extent)
            hem = low + np.float32(0.035) * np.sin(np.float32(11) * canvas.outward)
            rind = soft_step(hem - canvas.v, 0.03)
        else:
            middle = top + (base - top) * rng.uniform(0.5, 0.62)
            half = (base - top) * (0.20 + 0.16 * lesion.extent)
            swell = np.sqrt(np.clip(1 - np.square((AXIS - middle) / half), 0, 1)).astype(np.float32)
            rind = soft_step(canvas.along_v(swell * np.float32(thick + 0.02)) - thorax.to_wall, 0.025)
        cover = rind * here * thorax.inside
        thorax.fill(0.85 * cover)
        thorax.tissue += np.float32(0.35 + 0.25 * lesion.severity) * cover


def _draw_plaques(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> None:
    canvas, anatomy = thorax.canvas, thorax.anatomy
    top, base = lung_height(anatomy, thorax.shot)
    outlines = []
    for sign in sides(lesion):
        for _ in range(3 + round(2 * lesion.extent)):
            v = top + (base - top) * rng.uniform(0.40, 0.88)
            u = sign * wall_at(anatomy, thorax, v) * rng.uniform(0.70, 0.93)
            angles = np.linspace(0, 2 * np.pi, 11, endpoint=False)
            radius = rng.uniform(0.045, 0.09, 11)
            tilt = rng.uniform(-0.5, 0.5)
            x, y = 0.75 * radius * np.cos(angles), 1.4 * radius * np.sin(angles)
            outlines.append(
                [
                    (u + a * np.cos(tilt) - b * np.sin(tilt), v + a * np.sin(tilt) + b * np.cos(tilt))
                    for a, b in zip(x, y, strict=True)
                ]
            )
    chalk = canvas.polygon(outlines) * soft_step(thorax.to_wall + np.float32(0.02), 0.02)
    thorax.tissue += np.float32(0.95 + 0.35 * lesion.severity) * chalk
