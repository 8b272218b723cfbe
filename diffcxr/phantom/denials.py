"""What is not there: normal organs, denials and clear lungs."""

from __future__ import annotations

from typing import Literal

import numpy as np

from diffcxr.findings import FindingName
from diffcxr.phantom.dictation import Dictation, stock
from diffcxr.phantom.phrases import normal
from diffcxr.phantom.study import LUNG_OPACITIES
from diffcxr.phantom.templates import expand, pick

Organ = Literal["devices", "heart", "vessels", "lungs", "pleura", "bones"]

ORGANS: dict[Organ, tuple[FindingName, ...]] = {
    "devices": ("Support Devices",),
    "heart": ("Cardiomegaly", "Enlarged Cardiomediastinum"),
    "vessels": ("Edema",),
    "lungs": ("Lung Opacity", "Pneumonia", "Consolidation", "Atelectasis", "Lung Lesion"),
    "pleura": ("Pleural Effusion", "Pneumothorax", "Pleural Other"),
    "bones": ("Fracture",),
}
"""The organs in the order of a systematic reader, with the findings told under each."""


def normal_organ(ctx: Dictation, organ: Organ, keep: float) -> list[str]:
    """Sentences that call an organ without told lesions normal, or none: at least a share 1 - keep."""
    if organ == "devices" or not ctx.chance(keep):
        return []
    if organ == "heart":
        if ctx.chance(0.5):
            return [stock(ctx, normal.NORMAL_HEART_AND_MEDIASTINUM)]
        both = [stock(ctx, normal.NORMAL_HEART), stock(ctx, normal.NORMAL_MEDIASTINUM)]
        return both if ctx.chance(0.5) else both[:1]
    if organ == "lungs":
        return [clear_lungs(ctx)] if ctx.clean(*LUNG_OPACITIES) else []
    if organ == "pleura":
        return [stock(ctx, normal.NORMAL_PLEURA) if ctx.chance(0.3) else denial(ctx)]
    options = normal.NORMAL_VESSELS if organ == "vessels" else normal.NORMAL_BONES
    return [stock(ctx, options)] if ctx.chance(0.7) else []


def clear_lungs(ctx: Dictation) -> str:
    """A sentence that calls the lungs clear, for a film without any lung opacity."""
    return stock(ctx, normal.CLEAR_LUNGS, list=_list(ctx))


def denial(ctx: Dictation) -> str:
    """A sentence that denies some of what is absent, and marks it as denied."""
    return stock(ctx, normal.DENIALS, list=_list(ctx))


def _list(ctx: Dictation) -> str:
    """Two to four absent findings joined by "or", the usual ones first to be chosen."""
    usual = [name for name in normal.ABSENT if name in ctx.absent and name not in ctx.denied]
    usual = usual or [name for name in normal.ABSENT if name in ctx.absent]
    if not usual:
        return expand(normal.NEVER_DRAWN, ctx.rng, {})
    weights = np.array([0.5 ** (list(normal.ABSENT).index(name) / 2) for name in usual])
    count = min(len(usual), int(ctx.rng.choice((1, 2, 2, 3, 3, 3, 4))))
    chosen = ctx.rng.choice(len(usual), size=count, replace=False, p=weights / weights.sum())
    ctx.denied.update(usual[int(i)] for i in chosen)
    words = [expand(pick(normal.ABSENT[usual[int(i)]], ctx.rng), ctx.rng, {}) for i in chosen]
    if ctx.chance(0.08):
        words.append(expand(normal.NEVER_DRAWN, ctx.rng, {}))
    comma = ", or " if ctx.chance(0.5) and count > 2 else " or "
    return comma.join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]
