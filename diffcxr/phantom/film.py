"""From a study to its film: attenuation, exposure, scatter, noise and the scanner's grey curve."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from diffcxr.phantom.anatomy import Exposure, Shot, sample_anatomy, sample_shot
from diffcxr.phantom.artefacts import disturb_shot, foreign_depth, spoil
from diffcxr.phantom.canvas import Canvas, Map, blur, clouds
from diffcxr.phantom.lesions import disturb_anatomy, draw_lesions, fractured_clavicle
from diffcxr.phantom.skeleton import draw_skeleton
from diffcxr.phantom.study import Study, generator
from diffcxr.phantom.thorax import Thorax


def draw_film(study: Study, size: int = 128) -> NDArray[np.uint8]:
    """The study's film, (size, size) grey, 0 black; the patient's left is on the viewer's right.

    It depends on the study and the size alone. All lengths are relative to the film, so that sizes from 64 on
    show the same chest.
    """
    fault = generator(study.seed, study.index, "film/artefact")
    shot = disturb_shot(sample_shot(study), study.artefact, fault)
    depth = foreign_depth(study, size, fault)
    chest = depth is None
    if depth is None:
        thorax = Thorax(Canvas(size, shot.pose), disturb_anatomy(sample_anatomy(study), study), shot)
        draw_skeleton(thorax, *fractured_clavicle(study))
        draw_lesions(thorax, study)
        depth = thorax.optical_depth()
    film = expose(depth, shot.exposure, generator(study.seed, study.index, "film/grain"))
    if chest and shot.marker:
        film = _with_marker(film, shot)
    return spoil(film, study.artefact, fault)


def expose(depth: Map, exposure: Exposure, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The grey film of an optical depth (size, size): more depth is brighter."""
    size = depth.shape[0]
    depth = depth + np.float32(0.03) * clouds(rng, size, 5)
    beam = np.exp(-np.maximum(depth, 0))
    scattered = blur(beam, max(1, size // 16))
    beam += np.float32(exposure.scatter) * (scattered + np.float32(0.15))
    signal = -np.log(beam)
    # Fewer quanta behind dense tissue: noise grows with depth.
    grain = rng.standard_normal((size, size), dtype=np.float32)
    signal += grain * (np.float32(exposure.noise) * (0.4 + 0.5 * np.maximum(signal, 0)))
    wide = blur(signal, max(1, size // 16))
    signal -= np.float32(exposure.equalise) * (wide - np.float32(1.6))
    if exposure.sharpen > 0.3:
        signal += np.float32(exposure.sharpen - 0.3) * (signal - blur(signal, max(1, size // 64)))
    level = (signal - np.float32(exposure.black)) * np.float32(1023 / (exposure.white - exposure.black))
    return _grey_curve(exposure.gamma).take(level.astype(np.int32), mode="clip")


def _with_marker(film: NDArray[np.uint8], shot: Shot) -> NDArray[np.uint8]:
    """The film with a lead letter on the patient's side that it names, near the upper corner."""
    letter = _letter(shot.marker, len(film))
    rows, columns = letter.shape
    top = int(shot.marker_v * len(film))
    inset = int(0.04 * len(film))
    left = inset if shot.marker == "R" else len(film) - inset - columns
    at = film[top : top + rows, left : left + columns]
    np.maximum(at, letter, out=at)
    return film


@cache
def _letter(letter: str, size: int) -> NDArray[np.uint8]:
    font = ImageFont.load_default(size=size * 0.085)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(letter))
    image = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(image).text((-left, -top), letter, fill=235, font=font)
    return np.asarray(image)


@cache
def _grey_levels() -> NDArray[np.float64]:
    level = np.arange(1536) / 1023
    return np.where(level > 0.75, 0.75 + 0.25 * np.tanh((level - 0.75) * 4), level)


def _grey_curve(gamma: float) -> NDArray[np.uint8]:
    """Grey at 1,536 levels, of which 1,024 span black to white; the shoulder above 3/4 never quite clips."""
    return (255 * _grey_levels() ** gamma + 0.5).astype(np.uint8)
