"""Findings, drawn into the healthy thorax: some change its anatomy, the rest is added to its pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diffcxr.findings import FindingName
from diffcxr.phantom.anatomy import Anatomy
from diffcxr.phantom.lesions.airspace import draw_consolidation, draw_edema, draw_opacity, draw_pneumonia
from diffcxr.phantom.lesions.atelectasis import collapse, draw_atelectasis
from diffcxr.phantom.lesions.devices import draw_device
from diffcxr.phantom.lesions.fracture import draw_fracture
from diffcxr.phantom.lesions.heart import enlarge
from diffcxr.phantom.lesions.nodule import draw_lung_lesion
from diffcxr.phantom.lesions.pleura import draw_effusion, draw_pleural_other, draw_pneumothorax
from diffcxr.phantom.study import Lesion, Study, generator
from diffcxr.phantom.thorax import Thorax

_DRAWN: dict[FindingName, Callable[[Thorax, Lesion, np.random.Generator], None]] = {
    "Edema": draw_edema,
    "Lung Opacity": draw_opacity,
    "Pneumonia": draw_pneumonia,
    "Consolidation": draw_consolidation,
    "Atelectasis": draw_atelectasis,
    "Lung Lesion": draw_lung_lesion,
    "Pneumothorax": draw_pneumothorax,
    "Pleural Effusion": draw_effusion,
    "Pleural Other": draw_pleural_other,
    "Fracture": draw_fracture,
    "Support Devices": draw_device,
}
"""In the order of drawing: what fills the lung first, what lies over it last."""


def disturb_anatomy(anatomy: Anatomy, study: Study) -> Anatomy:
    """The anatomy with what the findings move: heart and vessels wider, a diaphragm drawn up."""
    for lesion in study.lesions:
        anatomy = enlarge(anatomy, lesion)
        anatomy = collapse(anatomy, lesion)
    return anatomy


def draw_lesions(thorax: Thorax, study: Study) -> None:
    """Draw each lesion from its own random stream, so that one more leaves the others as they were."""
    for name, draw in _DRAWN.items():
        for lesion in study.lesions_of(name):
            rng = generator(study.seed, study.index, f"film/{lesion.name}/{lesion.kind}")
            draw(thorax, lesion, rng)


def fractured_clavicle(study: Study) -> tuple[str, float]:
    """The side of a broken clavicle and its displacement in v; ("", 0) where both are whole."""
    for lesion in study.lesions_of("Fracture"):
        if lesion.kind == "clavicle":
            return lesion.side, 0.11 + 0.05 * lesion.severity
    return "", 0.0
