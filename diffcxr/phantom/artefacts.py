"""Films that do not belong among frontal chest films, or that nobody can read: what a filter must find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from diffcxr.phantom.anatomy import Shot
from diffcxr.phantom.canvas import Canvas, Map, Points, Pose, Stroke, clouds, curve, dome, rounded, soft_step
from diffcxr.phantom.study import Artefact, Study

Grey = NDArray[np.uint8]

_STRAIGHT = Pose(zoom=1.0, shift_u=0.0, shift_v=0.0, tilt=0.0, turn=0.0, bend=0.0)
_TEXTS = (
    "PORTABLE",
    "SUPINE 1 M",
    "ERECT AP",
    "CHEST 1 VIEW",
    "REPEAT",
    "W 4096 L 2048",
    "NOT FOR DIAGNOSIS",
)


def disturb_shot(shot: Shot, artefact: Artefact | None, rng: np.random.Generator) -> Shot:
    """The shot of a film that was badly framed or exposed; any other artefact leaves it as it is."""
    pose, exposure = shot.pose, shot.exposure
    if artefact == "zoomed":
        pose = replace(
            pose,
            zoom=float(rng.uniform(2.0, 2.9)),
            shift_u=float(rng.uniform(-0.7, 0.7)),
            shift_v=float(rng.uniform(-0.4, 0.7)),
        )
    elif artefact == "cropped":
        away = float(rng.uniform(0.75, 1.1))
        if rng.random() < 0.6:
            pose = replace(pose, shift_u=away if rng.random() < 0.5 else -away)
        else:
            pose = replace(pose, shift_v=away if rng.random() < 0.5 else -away)
    elif artefact == "overexposed":
        black = exposure.black + float(rng.uniform(0.7, 1.2))
        exposure = replace(exposure, black=black, white=black + float(rng.uniform(1.3, 1.9)))
    return replace(shot, pose=pose, exposure=exposure)


def spoil(film: Grey, artefact: Artefact | None, rng: np.random.Generator) -> Grey:
    """The finished film as the artefact leaves it: turned, inverted, blank or written on."""
    if artefact == "rotated":
        return np.ascontiguousarray(np.rot90(film, int(rng.integers(1, 4))))
    if artefact == "inverted":
        return 255 - film
    if artefact == "blank":
        level, sd = rng.choice([3.0, 60.0, 128.0, 245.0]), rng.uniform(0.5, 4)
        noise = rng.standard_normal(film.shape) + 2 * clouds(rng, len(film), 2)
        blank: Grey = (level + sd * noise).clip(0, 255).astype(np.uint8)
        return blank
    if artefact == "burned_in_text":
        return _write(film, rng)
    return film


def foreign_depth(study: Study, size: int, rng: np.random.Generator) -> Map | None:
    """The optical depth of a lateral chest, hand, knee or abdomen; None for a frontal chest."""
    pose = replace(
        _STRAIGHT,
        zoom=float(rng.uniform(0.85, 1.1)),
        shift_u=float(rng.uniform(-0.12, 0.12)),
        shift_v=float(rng.uniform(-0.12, 0.12)),
        tilt=float(rng.uniform(-0.2, 0.2)),
    )
    if study.artefact == "lateral":
        return _lateral_chest(Canvas(size, replace(pose, tilt=0.4 * pose.tilt)), rng)
    if study.artefact == "not_a_chest":
        part = (_hand, _knee, _abdomen)[int(rng.integers(3))]
        return part(Canvas(size, pose), rng)
    return None


def _write(film: Grey, rng: np.random.Generator) -> Grey:
    size = len(film)
    image = Image.fromarray(film)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(3, 7))):
        font = ImageFont.load_default(size=float(size * rng.uniform(0.06, 0.13)))
        at = (float(size * rng.uniform(0.0, 0.55)), float(size * rng.uniform(0.02, 0.88)))
        pen.text(at, str(rng.choice(_TEXTS)), fill=int(rng.choice([255, 240, 0])), font=font)
    return np.asarray(image)


def _lateral_chest(canvas: Canvas, rng: np.random.Generator) -> Map:
    """Spine behind, heart before, two domes one above the other; faces either way."""
    facing = 1.0 if rng.random() < 0.5 else -1.0  # the sternum's side
    front = canvas.u * np.float32(facing)
    reach = 0.55 + rng.uniform(-0.05, 0.08)
    sternum = canvas.along_v(
        curve([(-0.9, 0.05), (-0.6, 0.25), (0.1, reach), (0.5, reach - 0.05), (1.2, 0.5)])
    )
    back = canvas.along_v(curve([(-0.9, 0.42), (-0.4, 0.68), (0.1, 0.70), (0.6, 0.60), (1.2, 0.58)]))
    skin = np.minimum(sternum + np.float32(0.14) - front, front + back + np.float32(0.20))
    depth = np.float32(3.2) * dome(skin, 0.55)
    floor = canvas.along_v(np.zeros(2048, np.float32)) + 0.45 - 0.28 * front + 0.35 * front * front
    chest = np.minimum(sternum - front, front + back)
    air = dome(chest, 0.25) * soft_step(floor - canvas.v, 0.05) * soft_step(canvas.v + np.float32(0.75), 0.25)
    depth -= np.float32(1.9) * air * (1 + 0.08 * clouds(rng, canvas.size, 14))
    heart = 1 - np.square((front - 0.22) / 0.30) - np.square((canvas.v - 0.22) / 0.28)
    depth += np.float32(0.8) * np.sqrt(np.clip(heart, 0, 1)) * soft_step(floor - canvas.v, 0.05)
    spine = np.float32(0.09) - np.abs(front + back - np.float32(0.16))
    body = 0.7 + 0.3 * np.sign(np.sin(canvas.v * np.float32(52)))
    depth += np.float32(0.55) * soft_step(spine, 0.04) * body
    ribs: list[Stroke] = []
    for v in np.arange(-0.6, 0.7, 0.14):
        arc = [(-0.5 * facing, v), (-0.1 * facing, v + 0.10), (0.35 * facing, v + 0.32)]
        ribs.append(Stroke(rounded(arc), 0.03, 0.5))
    upper_arm = [(0.05 * facing, -0.75), (0.5 * facing, -1.2)]
    depth += np.float32(0.35) * canvas.strokes(ribs)
    depth += np.float32(0.8) * canvas.strokes([Stroke(upper_arm, 0.2)])
    return depth


def _limb(canvas: Canvas, flesh: list[Stroke], bones: list[Stroke]) -> Map:
    return np.float32(1.1) * canvas.strokes(flesh) + np.float32(1.2) * canvas.strokes(bones)


def _hand(canvas: Canvas, rng: np.random.Generator) -> Map:
    side = 1.0 if rng.random() < 0.5 else -1.0
    flesh: list[Stroke] = [Stroke([(0.0, 1.3), (0.0, 0.55)], 0.42), Stroke([(0.0, 0.6), (0.0, 0.15)], 0.62)]
    bones: list[Stroke] = [Stroke([(x, 1.3), (x, 0.62)], 0.11) for x in (-0.09, 0.1)]
    bones += [Stroke([(x, 0.52), (x + 0.01, 0.5)], 0.12) for x in (-0.16, -0.05, 0.06, 0.17)]
    for angle, root, length in (
        (-0.38, -0.22, 0.82),
        (-0.12, -0.08, 0.95),
        (0.06, 0.06, 0.9),
        (0.26, 0.2, 0.72),
    ):
        way = np.array([np.sin(angle), -np.cos(angle)])
        start = np.array([root, 0.42])
        joints = [start + way * length * t for t in (0.0, 0.40, 0.44, 0.70, 0.73, 0.90, 0.93, 1.06)]
        flesh.append(Stroke([tuple(start), tuple(joints[-1])], 0.15))
        bones += [Stroke([tuple(joints[k]), tuple(joints[k + 1])], 0.07) for k in (0, 2, 4, 6)]
    thumb = np.array([(-0.2, 0.5), (-0.52, 0.1), (-0.66, -0.18)])
    flesh.append(Stroke(thumb, 0.17))
    bones.append(Stroke(thumb, 0.075))
    mirror = np.array([side, 1.0])
    return _limb(
        canvas,
        [Stroke(np.asarray(s.points) * mirror, s.width, 0.6) for s in flesh],
        [Stroke(np.asarray(s.points) * mirror, s.width, 0.8) for s in bones],
    )


def _knee(canvas: Canvas, rng: np.random.Generator) -> Map:
    wide = rng.uniform(0.9, 1.15)
    flesh = [Stroke([(0.0, -1.4), (0.0, 1.4)], 0.95 * wide, 0.9)]
    thigh, shin = 0.26 * wide, 0.24 * wide
    femur = [(thigh / 2, -1.4), (thigh / 2, -0.4), (0.33, -0.1), (0.28, 0.0), (0.04, -0.04)]
    tibia = [(0.33, 0.08), (0.3, 0.22), (shin / 2, 0.5), (shin / 2, 1.4)]
    fibula = [(0.26, 0.26), (0.38, 0.26), (0.36, 1.4), (0.28, 1.4)]
    bones: list[Points] = [bone + [(-u, v) for u, v in reversed(bone)] for bone in (femur, tibia)]
    bones.append(fibula)
    return np.float32(1.3) * canvas.strokes(flesh) + np.float32(1.0) * canvas.polygon(bones)


def _abdomen(canvas: Canvas, rng: np.random.Generator) -> Map:
    depth = np.float32(2.6) * dome(np.float32(0.92) - canvas.outward, 0.8)
    depth += (
        np.float32(0.5)
        * soft_step(np.float32(0.10) - canvas.outward, 0.05)
        * (0.8 + 0.2 * np.sign(np.sin(canvas.v * np.float32(26))))
    )
    for _ in range(9):
        u, v, radius = rng.uniform(-0.6, 0.6), rng.uniform(-0.7, 0.4), rng.uniform(0.08, 0.2)
        loop = 1 - np.square((canvas.u - u) / (1.4 * radius)) - np.square((canvas.v - v) / radius)
        depth -= np.float32(rng.uniform(0.3, 0.7)) * np.sqrt(np.clip(loop, 0, 1)).astype(np.float32)
    wing = [(0.12, 0.62), (0.5, 0.38), (0.72, 0.5), (0.62, 0.85), (0.3, 0.95), (0.22, 1.2), (0.1, 1.2)]
    hips: list[Points] = [rounded(wing), rounded([(-u, v) for u, v in wing])]
    return np.maximum(depth + np.float32(0.7) * canvas.polygon(hips), 0)
