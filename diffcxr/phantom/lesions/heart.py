"""Cardiomegaly and the enlarged mediastinum: the anatomy itself is wider."""

from __future__ import annotations

from dataclasses import replace

from diffcxr.phantom.anatomy import Anatomy
from diffcxr.phantom.study import Lesion


def enlarge(anatomy: Anatomy, lesion: Lesion) -> Anatomy:
    """The anatomy with the heart or the upper mediastinum as wide as the lesion makes it."""
    if lesion.name == "Cardiomegaly":
        ratio = 0.555 + 0.135 * lesion.extent
        heart = 2 * anatomy.half_width * ratio
        right = 0.29 + 0.06 * (1 - lesion.severity)
        return replace(
            anatomy,
            heart_right=heart * right,
            heart_left=heart * (1 - right),
            heart_low=anatomy.heart_low + 0.03,
        )
    if lesion.name == "Enlarged Cardiomediastinum":
        wider = 1.65 + 0.75 * lesion.extent
        return replace(
            anatomy,
            upper_right=anatomy.upper_right * wider,
            upper_left=anatomy.upper_left * wider,
            knob=anatomy.knob + 0.05 * lesion.severity,
        )
    return anatomy
