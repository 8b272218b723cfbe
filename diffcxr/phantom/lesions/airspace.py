"""Air replaced by something denser: pneumonia, consolidation, oedema, and opacity of no certain kind."""

from __future__ import annotations

import numpy as np

from diffcxr.phantom.canvas import Map, Stroke, clouds, soft_step
from diffcxr.phantom.lesions.place import SHARE_OF_HEIGHT, blobs, point_in_lung, sides, wall_at
from diffcxr.phantom.study import Lesion
from diffcxr.phantom.thorax import Thorax, lung_height


def draw_pneumonia(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> None:
    """Patches of uneven density without borders, several to a zone, that run into each other."""
    for sign in sides(lesion):
        u, v = point_in_lung(thorax, lesion, sign, rng, (0.42, 0.66))
        spread = 0.10 + 0.13 * lesion.extent
        spots = []
        for _ in range(5 + round(7 * lesion.extent)):
            radius = rng.uniform(0.045, 0.075)
            at_u, at_v = u + rng.normal(0, 0.75 * spread), v + rng.normal(0, spread)
            spots.append((at_u, at_v, radius * rng.uniform(0.9, 1.4), radius))
        patches = blobs(thorax, spots)
        haze = blobs(thorax, [(u, v, 1.5 * spread, 1.5 * spread)])
        grain = np.clip(1 + 0.35 * clouds(rng, thorax.canvas.size, 28), 0.3, 1.6)
        dense = 0.60 + 0.32 * lesion.severity
        thorax.fill((dense * patches * grain + 0.14 * haze) * thorax.side("left" if sign > 0 else "right"))
        thorax.tissue += np.float32(0.22) * patches * grain * thorax.inside


def draw_consolidation(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> None:
    """A lobe, or part of one, evenly white up to a straight fissure, with bronchi as dark branches in it."""
    canvas = thorax.canvas
    top, base = lung_height(thorax.anatomy, thorax.shot)
    height = base - top
    middle = top + height * (SHARE_OF_HEIGHT[lesion.zone] + rng.uniform(-0.04, 0.04))
    half = np.float32(height * (0.16 + 0.13 * lesion.extent))
    dense = 0.72 + 0.26 * lesion.severity
    for sign in sides(lesion):
        slope = rng.uniform(-0.10, 0.22)
        level = canvas.v - np.float32(middle) - np.float32(slope) * (canvas.outward - np.float32(0.3))
        upper: Map = level + half
        lower: Map = half - level
        # The fissure side is sharp; the other fades, save where the lung ends there.
        sharp, faded = (lower, upper) if lesion.zone == "upper" else (upper, lower)
        shape = soft_step(sharp, 0.025) * soft_step(faded, 0.10)
        inner = rng.uniform(0.02, 0.18)
        reach = wall_at(thorax.anatomy, thorax, middle) * (0.72 + 0.4 * lesion.extent)
        shape *= soft_step(canvas.outward - np.float32(inner), 0.08)
        shape *= soft_step(np.float32(reach) - canvas.outward, 0.12)
        lines = []
        root = np.array([sign * 0.14, middle - 0.3 * half])
        for angle in np.linspace(-0.5, 0.9, 4) + rng.normal(0, 0.1, 4):
            path = root + np.linspace(0, 0.36, 5)[:, None] * np.array([sign * np.cos(angle), np.sin(angle)])
            lines.append(Stroke(path, [0.044, 0.040, 0.036, 0.030]))
        bronchi = canvas.strokes(lines)
        shape *= (1 - np.float32(0.5) * bronchi) * thorax.side("left" if sign > 0 else "right")
        thorax.fill(np.float32(dense) * shape)
        thorax.tissue += np.float32(0.18) * shape * thorax.inside


def draw_opacity(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> None:
    """A ground-glass haze: even, without border or pattern; the vessels show through."""
    for sign in sides(lesion):
        u, v = point_in_lung(thorax, lesion, sign, rng, (0.45, 0.65))
        size = 0.20 + 0.14 * lesion.extent
        veil = blobs(thorax, [(u, v, size * rng.uniform(0.9, 1.1), size * rng.uniform(1.0, 1.4))], power=1.4)
        share = (0.47 + 0.22 * lesion.severity) * veil * thorax.side("left" if sign > 0 else "right")
        thorax.fill(share)
        thorax.tissue += np.float32(0.12) * veil * thorax.inside


def draw_edema(thorax: Thorax, lesion: Lesion, rng: np.random.Generator) -> None:
    """Bat wings about the hila, broad upper vessels, thick bronchial walls, Kerley B lines at the bases."""
    canvas, anatomy = thorax.canvas, thorax.anatomy
    _, base = lung_height(anatomy, thorax.shot)
    hilum = anatomy.knob_v + 0.26 - 0.5 * thorax.shot.breath
    wing = (0.17 + 0.10 * lesion.extent) * anatomy.half_width / 0.65
    spots = [(sign * (0.16 + 0.55 * wing), hilum + 0.05, wing, 1.45 * wing) for sign in (-1.0, 1.0)]
    haze = blobs(thorax, spots, power=1.3)
    grain = np.clip(1 + 0.18 * clouds(rng, canvas.size, 24), 0.5, 1.5)
    lines: list[Stroke] = []
    for sign in (-1.0, 1.0):
        for angle in np.linspace(0.5, 1.35, 4) + rng.normal(0, 0.06, 4):
            path = np.array([sign * 0.16, hilum]) + np.linspace(0.02, 0.38, 5)[:, None] * np.array(
                [sign * np.cos(angle), -np.sin(angle)]
            )
            lines.append(Stroke(path, [0.045, 0.038, 0.032, 0.026], 0.9))
        for k in range(3 + round(3 * lesion.severity)):
            v = base - 0.02 - 0.055 * k
            wall = wall_at(anatomy, thorax, v)
            long = rng.uniform(0.09, 0.14)
            lines.append(Stroke([(sign * wall, v), (sign * (wall - long), v - 0.005)], 0.02, 0.8))
    bronchi = np.zeros_like(thorax.air)
    for sign in (-1.0, 1.0):
        u, v = sign * rng.uniform(0.22, 0.28), hilum + rng.uniform(-0.10, 0.02)
        at = canvas.window(u, v, 0.08)
        radius = np.hypot(canvas.u[at] - np.float32(u), canvas.v[at] - np.float32(v))
        bronchi[at] += soft_step(np.float32(0.018) - np.abs(radius - np.float32(0.035)), 0.02)
    strength = 0.6 + 0.4 * lesion.severity
    thorax.tissue += np.float32(0.38 * strength) * thorax.inside * (canvas.strokes(lines) + bronchi)
    everywhere = np.float32(0.10 * lesion.severity)
    thorax.fill((0.30 + 0.34 * lesion.severity) * haze * grain + everywhere)
