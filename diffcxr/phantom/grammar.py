"""Reports of the embedded world: what a radiologist could have dictated on seeing a study's film.

Every certain lesion is stated, an uncertain or suspected one is hedged, and nothing else of the fourteen is
claimed: what is absent is denied or left out. Sentences are composed of our own phrases; none is taken from a
data set (tests/diffcxr/phantom/test_grammar.py compares them with IU X-ray's).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diffcxr.findings import CHEXPERT_14, NEGATIVE, FindingName
from diffcxr.phantom.denials import ORGANS, Organ, clear_lungs, denial, normal_organ
from diffcxr.phantom.dictation import Dictation, stock, words
from diffcxr.phantom.phrases import frames, normal
from diffcxr.phantom.statements import statements, suspicion
from diffcxr.phantom.study import LUNG_OPACITIES, Lesion, Study, generator, labels
from diffcxr.phantom.templates import expand, pick, sentence


@dataclass(frozen=True, slots=True)
class Report:
    """A dictated report; a section that was not dictated is the empty string."""

    indication: str
    technique: str
    comparison: str
    findings: str
    impression: str


_URGENCY: tuple[FindingName, ...] = (
    "Pneumothorax",
    "Lung Lesion",
    "Pneumonia",
    "Consolidation",
    "Edema",
    "Pleural Effusion",
    "Fracture",
    "Cardiomegaly",
    "Enlarged Cardiomediastinum",
    "Lung Opacity",
    "Atelectasis",
    "Pleural Other",
    "Support Devices",
)


def write_report(study: Study) -> Report:
    """The report of a study; an artefact film gets its underlying study's.

    Deterministic by (seed, index).
    """
    rng = generator(study.seed, study.index, "report")
    truth = labels(study)
    ctx = Dictation(
        study=study,
        rng=rng,
        prior=bool(rng.random() < 0.45),
        absent=frozenset(name for name in CHEXPERT_14 if truth[name] == NEGATIVE),
        denied=set(),
        reading=float(rng.uniform(0.92, 1.08)),
        tip_cm=float(rng.uniform(2.5, 6)),
    )
    suspected = tuple(suspicion(ctx, name) for name in study.suspected)
    told = study.lesions + suspected
    style = rng.random()
    if style < 0.08:
        findings, impression = "", _impression(ctx, told, everything=True)
    else:
        write = _by_organ if style < 0.6 else _by_urgency if style < 0.85 else _tersely
        findings = _join(ctx, write(ctx, told))
        impression = "" if ctx.chance(0.05) else _impression(ctx, told, everything=False)
    return Report(
        indication=_indication(ctx) if ctx.chance(0.6) else "",
        technique=_technique(ctx),
        comparison=sentence(words(ctx, frames.COMPARISON[1:] if ctx.prior else frames.COMPARISON[:1])),
        findings=findings,
        impression=impression,
    )


def _by_organ(ctx: Dictation, told: Sequence[Lesion]) -> list[str]:
    """Organ by organ, in an order of the reader's own, normal organs between the others."""
    organs: list[Organ] = list(ORGANS)
    order = [organs[int(i)] for i in ctx.rng.permutation(len(organs))] if ctx.chance(0.5) else organs
    sick = {lesion.name for lesion in told}
    healthy = [organ for organ in order if sick.isdisjoint(ORGANS[organ])]
    normals = {organ: normal_organ(ctx, organ, keep=0.65) for organ in healthy}
    lines = [_opening(ctx)] if ctx.chance(0.2) else []
    for organ in order:
        lines += statements(ctx, [lesion for lesion in told if lesion.name in ORGANS[organ]])
        lines += normals.get(organ, [])
        if organ == "lungs" and organ not in healthy and ctx.chance(0.35):
            sides = {lesion.side for lesion in told if lesion.name in LUNG_OPACITIES}
            one_sided = sides in ({"left"}, {"right"})
            lines.append(stock(ctx, normal.OTHERWISE_CLEAR, other_lung=normal.OTHER_LUNG[one_sided]))
    return lines + _closing(ctx)


def _by_urgency(ctx: Dictation, told: Sequence[Lesion]) -> list[str]:
    """What matters first, then what is denied, then the rest."""
    lines = statements(ctx, sorted(told, key=lambda lesion: _URGENCY.index(lesion.name)))
    if ctx.clean(*LUNG_OPACITIES) and ctx.chance(0.6):
        lines.append(clear_lungs(ctx))
    for _ in range(1 + ctx.chance(0.5)):
        lines.append(denial(ctx))
    organs: tuple[Organ, ...] = ("heart", "vessels", "bones")
    for i in ctx.rng.permutation(len(organs))[: 1 + ctx.chance(0.5)]:
        if ctx.clean(*ORGANS[organs[int(i)]]):
            lines += normal_organ(ctx, organs[int(i)], keep=0.8)
    return lines + _closing(ctx)


def _tersely(ctx: Dictation, told: Sequence[Lesion]) -> list[str]:
    lines = statements(ctx, [told[int(i)] for i in ctx.rng.permutation(len(told))])
    if not told or ctx.chance(0.5):
        lines.append(clear_lungs(ctx) if ctx.clean(*LUNG_OPACITIES) and ctx.chance(0.7) else denial(ctx))
    if ctx.chance(0.5):
        lines.append(denial(ctx))
    if ctx.clean(*ORGANS["heart"]) and ctx.chance(0.5):
        lines += normal_organ(ctx, "heart", keep=1.0)
    return lines


def _impression(ctx: Dictation, told: Sequence[Lesion], everything: bool) -> str:
    """The conclusions, at times as a numbered list; with `everything`, no lesion is left out."""
    ctx.denied.clear()
    ranked = sorted(told, key=lambda lesion: _URGENCY.index(lesion.name))
    if not everything:
        limit = int(ctx.rng.integers(2, 5))
        ranked = [lesion for lesion in ranked if lesion.name != "Support Devices" or ctx.chance(0.3)][:limit]
    lines = statements(ctx, ranked, brief=True)
    if not ranked:
        lines = [stock(ctx, normal.NOTHING_ACUTE, clear=clear_lungs(ctx), denial=denial(ctx))]
        if not ctx.clean(*(name for name in CHEXPERT_14 if name not in ("No Finding", "Support Devices"))):
            lines = [denial(ctx)]
        if ctx.chance(0.12):
            lines.append(stock(ctx, normal.REMARKS))
    elif ctx.chance(0.3):
        lines.append(stock(ctx, normal.NOTHING_ELSE, denial=denial(ctx)))
    if ctx.prior and ctx.chance(0.15):
        lines.append(words(ctx, frames.COMPARED))
    if ranked and ctx.chance(0.12):
        lines.append(words(ctx, frames.RECOMMENDATIONS))
    if ctx.chance(0.35 if len(lines) > 1 else 0.05):
        return " ".join(f"{number}. {text}" for number, text in enumerate(_finish(ctx, lines), start=1))
    return _join(ctx, lines)


def _indication(ctx: Dictation) -> str:
    return sentence(words(ctx, frames.INDICATION, years=f"{ctx.study.age:.0f}"))


def _technique(ctx: Dictation) -> str:
    lines = [words(ctx, frames.TECHNIQUE[ctx.study.view])]
    if ctx.study.artefact and ctx.chance(0.5):
        lines.append(expand(frames.ARTEFACT_REMARKS[ctx.study.artefact], ctx.rng, {}))
    return " ".join(sentence(line) for line in lines)


def _opening(ctx: Dictation) -> str:
    return words(ctx, frames.COMPARED if ctx.prior and ctx.chance(0.6) else frames.TECHNIQUE[ctx.study.view])


def _closing(ctx: Dictation) -> list[str]:
    lines = [stock(ctx, normal.REMARKS)] if ctx.chance(0.35) else []
    if ctx.prior and ctx.chance(0.12):
        lines.append(words(ctx, frames.COMPARED))
    return lines


def _finish(ctx: Dictation, lines: Iterable[str]) -> list[str]:
    """Sentences with a typist's habits: now and then a misspelling, seldom a doubled word."""
    finished = [sentence(line) for line in lines]
    if ctx.chance(0.06) and finished:
        at = int(ctx.rng.integers(len(finished)))
        known = [word for word in frames.MISSPELLINGS if word in finished[at]]
        if known:
            word = pick(known, ctx.rng)
            finished[at] = finished[at].replace(word, pick(frames.MISSPELLINGS[word], ctx.rng), 1)
        elif " the " in finished[at]:
            finished[at] = finished[at].replace(" the ", " the the ", 1)
    return finished


def _join(ctx: Dictation, lines: Iterable[str]) -> str:
    text = " ".join(_finish(ctx, dict.fromkeys(lines)))
    return text.upper() if ctx.chance(0.01) else text
