"""The healthy thorax: soft tissue, lungs, heart and mediastinum, as optical depth at each pixel."""

from __future__ import annotations

import numpy as np

from diffcxr.phantom.anatomy import Anatomy, Shot
from diffcxr.phantom.canvas import AXIS, Canvas, Map, Stroke, clouds, curve, dome, soft_step

LUNG_DEPTH = 1.45  # optical depth that a full thickness of air takes away


class Thorax:
    """What findings are drawn into.

    `air` is the lungs' share of air in [0, 1] at each pixel, `tissue` the optical depth of all else; findings
    take from the one and add to the other. `vessels` follow the air: a filled lung shows none.
    """

    def __init__(self, canvas: Canvas, anatomy: Anatomy, shot: Shot) -> None:
        self.canvas, self.anatomy, self.shot = canvas, anatomy, shot
        self.lateral = _lateral_wall(anatomy)  # over v: |u| of the inner chest wall
        self.diaphragm = _diaphragm(anatomy, shot)  # over u: v of the lung's lower edge
        self.to_wall: Map = canvas.along_v(self.lateral) - canvas.outward
        self.to_diaphragm: Map = canvas.along_u(self.diaphragm) - canvas.v
        self.inside: Map = soft_step(self.to_wall, 0.025) * soft_step(self.to_diaphragm, 0.025)
        self.inside *= 0.6 + 0.4 * soft_step(canvas.outward - np.float32(0.035), 0.05)
        self.air: Map = self.inside * dome(self.to_wall, 0.30) * canvas.along_v(_thickness(anatomy))
        edge, self.mediastinum = _mediastinal_shape(canvas, anatomy, shot)
        self.heart: Map = _mediastinum(canvas, edge) * soft_step(self.to_diaphragm + np.float32(0.003), 0.028)
        self.tissue: Map = _soft_tissue(canvas, anatomy, shot) - _airway(canvas, anatomy, shot)
        self.vessels: Map = canvas.strokes(vessel_tree(anatomy, shot))
        self.vessels *= 1 - np.float32(0.75) * self.mediastinum
        self.vessel_gain = np.float32(0.35 * anatomy.vessel_density)

    def side(self, side: str) -> Map:
        """1 on the patient's side, with a soft edge at the midline."""
        if side == "bilateral" or side == "midline":
            return np.ones_like(self.air)
        return soft_step(self.canvas.u if side == "left" else -self.canvas.u, 0.06)

    def fill(self, share: Map) -> None:
        """Replace a share of the air by tissue or fluid; the heart's border is lost against it."""
        share = np.clip(share, 0, 1)
        self.air *= 1 - share
        self.heart *= 1 - np.float32(0.55) * share * self.inside

    def optical_depth(self) -> Map:
        """The beam's path, all told."""
        depth = self.tissue + self.heart - LUNG_DEPTH * self.air
        depth += self.vessels * self.air * self.vessel_gain
        return depth


def lung_height(anatomy: Anatomy, shot: Shot) -> tuple[float, float]:
    """v of the lung's apex and of its base on this film."""
    return anatomy.apex, (anatomy.dome_right + anatomy.dome_left) / 2 - shot.breath


def _lateral_wall(anatomy: Anatomy) -> Map:
    base = anatomy.dome_right + anatomy.dome_height
    t = np.clip((AXIS - anatomy.apex) / (base - anatomy.apex), 0, 1)
    widening = (1 - (1 - t) ** anatomy.chest_shape) ** 0.62
    wall = anatomy.half_width * (widening - 0.10 * np.clip(t - 0.82, 0, 1))
    return np.where(anatomy.apex > AXIS, -1.0, wall).astype(np.float32)


def _diaphragm(anatomy: Anatomy, shot: Shot) -> Map:
    out = np.abs(AXIS) / anatomy.half_width
    lateral = np.clip((out - 0.42) / 0.58, 0, 1.3) ** 2.2
    medial = np.clip((0.42 - out) / 0.42, 0, 1) ** 2
    drop = anatomy.dome_height * lateral + 0.05 * medial
    left = 1 / (1 + np.exp(-AXIS / 0.03))
    top = anatomy.dome_right + (anatomy.dome_left - anatomy.dome_right) * left
    edge: Map = (top - shot.breath + drop).astype(np.float32)
    return edge


def _thickness(anatomy: Anatomy) -> Map:
    return curve([(anatomy.apex, 0.42), (anatomy.apex + 0.3, 0.85), (-0.1, 1.0), (0.3, 0.95), (0.6, 0.8)])


def _soft_tissue(canvas: Canvas, anatomy: Anatomy, shot: Shot) -> Map:
    chest = anatomy.half_width + anatomy.margin
    shoulder = anatomy.clavicle_v - 0.12 - anatomy.clavicle_rise
    half = curve(
        [
            (shoulder - 0.26, 0.24),
            (shoulder - 0.12, 0.36),
            (shoulder, 0.80),
            (shoulder + 0.15, 1.12),
            (-0.28, 1.05 if shot.arms else 0.96),
            (-0.12, chest + 0.02),
            (0.2, chest),
            (0.9, chest + 0.03),
        ],
        smooth=0.12,
    )
    ratio = np.clip(canvas.outward / canvas.along_v(half), 0, 1)
    ratio *= ratio
    flesh = anatomy.flesh
    depth = curve(
        [(-1.1, flesh * 0.72), (-0.7, flesh * 0.86), (0.1, flesh), (0.5, flesh * 1.1), (1.0, flesh * 1.2)]
    )
    tissue: Map = canvas.along_v(depth) * np.sqrt(1 - ratio * ratio)
    if shot.arms:
        arm = np.clip(1 - np.square((canvas.outward - np.float32(chest + 0.19)) / 0.15), 0, 1)
        tissue += 1.1 * np.sqrt(arm) * soft_step(canvas.v + np.float32(0.2), 0.3)
    if anatomy.breast > 0:
        radius = 0.30 + 0.3 * anatomy.breast
        out = (canvas.outward - np.float32(0.40 * anatomy.half_width / 0.63)) / np.float32(radius)
        down = (canvas.v - np.float32(anatomy.breast_v)) / np.float32(radius)
        down = np.where(down > 0, down * np.float32(1.25), down * np.float32(0.55))
        tissue += np.float32(anatomy.breast) * np.sqrt(np.clip(1 - out * out - down * down, 0, 1))
    # Gas in the stomach, under the left dome; loops of bowel give the abdomen its unevenness.
    rng = np.random.Generator(np.random.PCG64(anatomy.vessel_seed))
    under = soft_step(canvas.along_u(_diaphragm(anatomy, shot)) * -1 + canvas.v - np.float32(0.03), 0.03)
    tissue += under * clouds(rng, canvas.size, 7) * np.float32(0.06)
    if anatomy.stomach_gas > 0.03:
        u = (canvas.u - np.float32(0.22 + 0.9 * anatomy.stomach_gas)) / np.float32(1.5 * anatomy.stomach_gas)
        v = (canvas.v - np.float32(anatomy.dome_left - shot.breath + 0.09)) / np.float32(anatomy.stomach_gas)
        tissue -= np.float32(0.6) * under * soft_step(1 - u * u - v * v, 0.5)
    return tissue


def _mediastinal_shape(canvas: Canvas, anatomy: Anatomy, shot: Shot) -> tuple[Map, Map]:
    """How far a pixel lies inside the mediastinum's border, and the shape as a mask."""
    right, left = mediastinal_borders(anatomy, shot)
    half, middle = np.float32(0.5) * (left + right), np.float32(0.5) * (left - right)
    edge: Map = canvas.along_v(half) - np.abs(canvas.u - canvas.along_v(middle))
    above = soft_step(np.float32(anatomy.heart_low + 0.42 - shot.breath) - canvas.v, 0.15)
    return edge, soft_step(edge, 0.03) * above


def _mediastinum(canvas: Canvas, edge: Map) -> Map:
    body = curve([(-0.95, 0.1), (-0.75, 0.35), (-0.55, 0.85), (-0.3, 1.05), (0.2, 1.35), (0.6, 1.3)])
    return canvas.along_v(body) * (0.45 * soft_step(edge, 0.03) + 0.55 * dome(edge, 0.18))


def _airway(canvas: Canvas, anatomy: Anatomy, shot: Shot) -> Map:
    """Trachea and main bronchi: air that the mediastinum lacks."""
    shift = np.float32(0.4 * shot.pose.turn)
    carina = np.float32(anatomy.knob_v + 0.12)
    tube = soft_step(np.float32(0.042) - np.abs(canvas.u - shift), 0.03) * soft_step(carina - canvas.v, 0.08)
    below = canvas.v - carina
    bronchus = np.abs(canvas.outward - np.float32(0.02) - below * np.float32(0.9))
    tube += (
        0.6
        * soft_step(np.float32(0.03) - bronchus, 0.03)
        * soft_step(below, 0.03)
        * soft_step(0.16 - below, 0.06)
    )
    return np.float32(0.42) * tube


def mediastinal_borders(anatomy: Anatomy, shot: Shot) -> tuple[Map, Map]:
    """|u| of the right and of the left border of heart and great vessels, over v.

    The right border is superior vena cava and right atrium; the left one aortic knob, pulmonary trunk and
    left ventricle.
    """
    a, grow, lift = anatomy, shot.magnify, 0.6 * shot.breath
    low = a.heart_low - lift
    turn = shot.pose.turn
    right = curve(
        [
            (-0.82, 0.075),
            (-0.62, a.upper_right),
            (a.knob_v, a.upper_right + 0.015),
            (low - 0.30, a.upper_right + 0.03),
            (low - 0.12, 0.93 * a.heart_right * grow),
            (low, a.heart_right * grow),
            (low + 0.16, 0.88 * a.heart_right * grow),
            (low + 0.35, 0.55 * a.heart_right),
        ],
        smooth=0.05,
    )
    left = curve(
        [
            (-0.82, 0.075),
            (-0.62, a.upper_left - 0.01),
            (a.knob_v - 0.09, a.upper_left + 0.1 * a.knob),
            (a.knob_v - 0.02, a.upper_left + a.knob),
            (a.knob_v + 0.04, a.upper_left + a.knob),
            (a.knob_v + 0.10, a.upper_left),
            (a.knob_v + 0.18, a.upper_left + 0.04),
            (low - 0.16, 0.72 * a.heart_left * grow),
            (low, 0.96 * a.heart_left * grow),
            (low + 0.08, a.heart_left * grow),
            (low + 0.18, 0.95 * a.heart_left * grow),
            (low + 0.35, 0.6 * a.heart_left),
        ],
        smooth=0.05,
    )
    return right - np.float32(turn), left + np.float32(turn)


def vessel_tree(anatomy: Anatomy, shot: Shot) -> list[Stroke]:
    """Arteries and veins that fan out of the hila and taper."""
    rng = np.random.Generator(np.random.PCG64(anatomy.vessel_seed))
    hilum_v = anatomy.knob_v + 0.24 - 0.5 * shot.breath
    steps = np.array([0.0, 0.06, 0.08, 0.09, 0.10, 0.11])
    n = 11
    lines: list[Stroke] = []
    for outward in (-1.0, 1.0):
        root = np.array([outward * 0.15, hilum_v - (0.02 if outward > 0 else 0.0)])
        fan = np.linspace(-1.35, 1.40, n) + rng.normal(0, 0.10, n)
        bearing = fan[:, None] + np.cumsum(rng.normal(0, 0.17, (n, len(steps))), axis=1)
        length = steps * rng.uniform(0.8, 1.2, (n, 1))
        trunks = np.empty((n, len(steps), 2))
        trunks[..., 0] = root[0] + np.cumsum(outward * np.cos(bearing) * length, axis=1)
        trunks[..., 1] = root[1] + np.cumsum(np.sin(bearing) * length, axis=1)
        widths = np.linspace(0.032, 0.010, 5) * rng.uniform(0.75, 1.2, (n, 1))
        fork = bearing[:, 2] + rng.choice([-1.0, 1.0], n) * rng.uniform(0.4, 0.7, n)
        reach = np.array([0.0, 0.09, 0.18, 0.25])
        branches = np.empty((n, 4, 2))
        branches[..., 0] = trunks[:, 2, :1] + reach * (outward * np.cos(fork))[:, None]
        branches[..., 1] = trunks[:, 2, 1:] + reach * np.sin(fork)[:, None]
        for k in range(n):
            lines.append(Stroke(branches[k], 0.014, 0.5))
            lines.append(Stroke(trunks[k], widths[k].tolist(), 0.8))
        knot = (
            root
            + rng.normal(0, 0.015, (4, 2))
            + np.array([[0, -0.05], [0.01, 0], [0.02 * outward, 0.04], [0, 0.09]])
        )
        lines.append(Stroke(knot, (0.05, 0.055, 0.045), 0.9))
    return lines
