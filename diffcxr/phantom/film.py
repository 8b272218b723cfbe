"""From a study to its film: attenuation, exposure, scatter, noise and the scanner's grey curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffcxr.phantom.anatomy import Exposure, sample_anatomy, sample_shot
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
    if depth is None:
        thorax = Thorax(Canvas(size, shot.pose), disturb_anatomy(sample_anatomy(study), study), shot)
        draw_skeleton(thorax, *fractured_clavicle(study))
        draw_lesions(thorax, study)
        depth = thorax.optical_depth()
    film = expose(depth, shot.exposure, generator(study.seed, study.index, "film/grain"))
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
    grey = np.clip(
        (signal - np.float32(exposure.black)) / np.float32(exposure.white - exposure.black), 0, 1.25
    )
    grey = np.where(grey > 0.75, 0.75 + 0.25 * np.tanh((grey - 0.75) * 4), grey)
    return (255 * np.power(grey, np.float32(exposure.gamma)) + 0.5).clip(0, 255).astype(np.uint8)
