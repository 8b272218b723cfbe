"""Reports of the embedded world: what a radiologist could have dictated on seeing a study's film.

Every certain lesion is stated, an uncertain or suspected one is hedged, and nothing else of the fourteen is
claimed: what is absent is denied or left out. Sentences are composed of our own phrases; none is taken from a
data set (tests/diffcxr/phantom/test_grammar.py compares them with IU X-ray's).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from diffcxr.findings import CHEXPERT_14, NEGATIVE, FindingName
from diffcxr.phantom.phrases import frames, lesions, normal, places
from diffcxr.phantom.phrases.devices import DEVICES
from diffcxr.phantom.phrases.lesions import DEGREES, Phrases
from diffcxr.phantom.study import LUNG_OPACITIES, Lesion, Side, Study, Zone, generator, labels
from diffcxr.phantom.templates import expand, pick, sentence


@dataclass(frozen=True, slots=True)
class Report:
    """A dictated report; a section that was not dictated is the empty string."""

    indication: str
    technique: str
    comparison: str
    findings: str
    impression: str


@dataclass(frozen=True, slots=True)
class _Dictation:
    """One report in the making. `absent` may be denied, `denied` was, in this section.

    `reading` is the reader's error as a factor of every size, `tip_cm` the height of a tube above the carina.
    """

    study: Study
    rng: np.random.Generator
    prior: bool
    absent: frozenset[FindingName]
    denied: set[FindingName]
    reading: float
    tip_cm: float

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def clean(self, *names: FindingName) -> bool:
        return self.absent.issuperset(names)


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
_ORGANS: tuple[tuple[FindingName, ...], ...] = (
    ("Support Devices",),
    ("Cardiomegaly", "Enlarged Cardiomediastinum"),
    ("Edema",),
    ("Lung Opacity", "Pneumonia", "Consolidation", "Atelectasis", "Lung Lesion"),
    ("Pleural Effusion", "Pneumothorax", "Pleural Other"),
    ("Fracture",),
)

_WORD = re.compile(r"\w+")


def write_report(study: Study) -> Report:
    """The report of a study; an artefact film gets its underlying study's.

    Deterministic by (seed, index).
    """
    rng = generator(study.seed, study.index, "report")
    truth = labels(study)
    ctx = _Dictation(
        study=study,
        rng=rng,
        prior=bool(rng.random() < 0.45),
        absent=frozenset(name for name in CHEXPERT_14 if truth[name] == NEGATIVE),
        denied=set(),
        reading=float(rng.uniform(0.92, 1.08)),
        tip_cm=float(rng.uniform(2.5, 6)),
    )
    suspected = tuple(_suspicion(ctx, name) for name in study.suspected)
    told = study.lesions + suspected
    style = rng.random()
    if style < 0.08:
        findings, impression = "", _impression(ctx, told, everything=True)
    else:
        write = _by_organ if style < 0.6 else _by_urgency if style < 0.85 else _tersely
        findings = _join(ctx, write(ctx, told))
        impression = "" if ctx.chance(0.05) else _impression(ctx, told, everything=False)
    return Report(
        indication=sentence(_words(ctx, frames.INDICATION, years=f"{study.age:.0f}"))
        if ctx.chance(0.6)
        else "",
        technique=_technique(ctx),
        comparison=sentence(_words(ctx, frames.COMPARISON[1:] if ctx.prior else frames.COMPARISON[:1])),
        findings=findings,
        impression=impression,
    )


def _suspicion(ctx: _Dictation, name: FindingName) -> Lesion:
    """A suspected finding as the lesion that the reader had in mind."""
    sides: tuple[Side, ...] = ("right", "left")
    zones: tuple[Zone, ...] = ("middle", "lower")
    side, zone = pick(sides, ctx.rng), pick(zones, ctx.rng)
    kind = "rib" if name == "Fracture" else ""
    return Lesion(name=name, kind=kind, side=side, zone=zone, extent=0.2, severity=0.2, certain=False)


# Sections


def _by_organ(ctx: _Dictation, told: Sequence[Lesion]) -> list[str]:
    """Organ by organ, in an order of the reader's own, normal organs between the others."""
    order = (
        [int(i) for i in ctx.rng.permutation(len(_ORGANS))] if ctx.chance(0.5) else list(range(len(_ORGANS)))
    )
    sick = {lesion.name for lesion in told}
    normals = {
        number: _normal_organ(ctx, number, keep=0.65) for number in order if not sick & set(_ORGANS[number])
    }
    lines = [_opening(ctx)] if ctx.chance(0.2) else []
    for number in order:
        lines += _statements(ctx, [lesion for lesion in told if lesion.name in _ORGANS[number]])
        lines += normals.get(number, [])
        if number == 3 and sick & set(_ORGANS[3]) and ctx.chance(0.35):
            lines.append(_stock(ctx, normal.OTHERWISE_CLEAR))
    return lines + _closing(ctx)


def _by_urgency(ctx: _Dictation, told: Sequence[Lesion]) -> list[str]:
    """What matters first, then what is denied, then the rest."""
    lines = _statements(ctx, sorted(told, key=lambda lesion: _URGENCY.index(lesion.name)))
    if ctx.clean(*LUNG_OPACITIES) and ctx.chance(0.6):
        lines.append(_clear_lungs(ctx))
    for _ in range(1 + ctx.chance(0.5)):
        lines.append(_denial(ctx))
    for number in ctx.rng.permutation((1, 2, 5))[: 1 + ctx.chance(0.5)]:
        if ctx.clean(*_ORGANS[int(number)]):
            lines += _normal_organ(ctx, int(number), keep=0.8)
    return lines + _closing(ctx)


def _tersely(ctx: _Dictation, told: Sequence[Lesion]) -> list[str]:
    lines = _statements(ctx, [told[int(i)] for i in ctx.rng.permutation(len(told))])
    if not told or ctx.chance(0.5):
        lines.append(_clear_lungs(ctx) if ctx.clean(*LUNG_OPACITIES) and ctx.chance(0.7) else _denial(ctx))
    if ctx.chance(0.5):
        lines.append(_denial(ctx))
    if ctx.clean(*_ORGANS[1]) and ctx.chance(0.5):
        lines += _normal_organ(ctx, 1, keep=1.0)
    return lines


def _impression(ctx: _Dictation, told: Sequence[Lesion], everything: bool) -> str:
    """The conclusions, at times as a numbered list; with `everything`, no lesion is left out."""
    ctx.denied.clear()
    ranked = sorted(told, key=lambda lesion: _URGENCY.index(lesion.name))
    if not everything:
        limit = int(ctx.rng.integers(2, 5))
        ranked = [lesion for lesion in ranked if lesion.name != "Support Devices" or ctx.chance(0.3)][:limit]
    lines = _statements(ctx, ranked, brief=True)
    if not ranked:
        lines = [_stock(ctx, normal.NOTHING_ACUTE, clear=_clear_lungs(ctx), denial=_denial(ctx))]
        if not ctx.clean(*(name for name in CHEXPERT_14 if name not in ("No Finding", "Support Devices"))):
            lines = [_denial(ctx)]
        if ctx.chance(0.12):
            lines.append(_stock(ctx, normal.REMARKS))
    elif ctx.chance(0.3):
        lines.append(_stock(ctx, normal.NOTHING_ELSE, denial=_denial(ctx)))
    if ctx.prior and ctx.chance(0.15):
        lines.append(_words(ctx, frames.COMPARED))
    if ranked and ctx.chance(0.12):
        lines.append(_words(ctx, frames.RECOMMENDATIONS))
    if ctx.chance(0.35 if len(lines) > 1 else 0.05):
        return " ".join(f"{number}. {text}" for number, text in enumerate(_finish(ctx, lines), start=1))
    return _join(ctx, lines)


def _technique(ctx: _Dictation) -> str:
    lines = [_words(ctx, frames.TECHNIQUE[ctx.study.view])]
    if ctx.study.artefact and ctx.chance(0.5):
        lines.append(expand(frames.ARTEFACT_REMARKS[ctx.study.artefact], ctx.rng, {}))
    return " ".join(sentence(line) for line in lines)


def _opening(ctx: _Dictation) -> str:
    return _words(ctx, frames.COMPARED if ctx.prior and ctx.chance(0.6) else frames.TECHNIQUE[ctx.study.view])


def _closing(ctx: _Dictation) -> list[str]:
    lines = [_stock(ctx, normal.REMARKS)] if ctx.chance(0.35) else []
    if ctx.prior and ctx.chance(0.12):
        lines.append(_words(ctx, frames.COMPARED))
    return lines


# What is there


def _statements(ctx: _Dictation, told: Sequence[Lesion], brief: bool = False) -> list[str]:
    """Each lesion's sentence, in order; pairs that belong together may share one."""
    lines: list[str] = []
    left = list(told)
    while left:
        lesion = left.pop(0)
        partner = next((other for other in left if _fit_together(lesion, other)), None)
        if partner and ctx.chance(0.35):
            left.remove(partner)
            lines.append(_state_both(ctx, lesion, partner))
        else:
            text = _state(ctx, lesion, brief)
            lines.append(_own(ctx, text, longest=8) if lesion.certain else text)
    return lines


def _fit_together(one: Lesion, other: Lesion) -> bool:
    pneumonia = (one.name, other.name) in (("Pneumonia", "Consolidation"), ("Consolidation", "Pneumonia"))
    same_place = (one.side, one.zone) == (other.side, other.zone)
    pair = (one.name, other.name) in frames.JOINED or (pneumonia and same_place)
    return pair and one.certain and other.certain


def _state_both(ctx: _Dictation, lesion: Lesion, partner: Lesion) -> str:
    if (lesion.name, partner.name) not in frames.JOINED:
        return _words(ctx, frames.CONSOLIDATED_PNEUMONIA, **_slots(ctx, lesion))
    article, words = _noun(ctx, lesion)
    _, other = _noun(ctx, partner)
    frame = frames.JOINED[lesion.name, partner.name]
    return expand(frame, ctx.rng, {"a": "a" if article == "a" else "", "np": words, "other": other})


def _state(ctx: _Dictation, lesion: Lesion, brief: bool) -> str:
    phrases = _phrases(lesion)
    if not lesion.certain:
        return _words(ctx, phrases.hedged, **_slots(ctx, lesion))
    if not brief and phrases.sentences and ctx.chance(0.35):
        return _words(ctx, phrases.sentences, **_slots(ctx, lesion))
    article, words = _noun(ctx, lesion)
    if brief and ctx.chance(0.7):
        return words
    options = frames.SURE_WITH_PRIOR if ctx.prior and ctx.chance(0.3) else frames.SURE
    verb = "are" if article == "s" else "is"
    return _words(ctx, options, a="" if article != "a" else "a", np=words, **{"is": verb})


def _noun(ctx: _Dictation, lesion: Lesion) -> tuple[str, str]:
    """("a", "m" or "s", the noun phrase) of a certain lesion."""
    template = pick(_phrases(lesion).nouns, ctx.rng)
    article = template[0] if template[0] != "e" else "s" if lesion.side == "bilateral" else "a"
    return article, expand(template[2:], ctx.rng, _slots(ctx, lesion))


def _phrases(lesion: Lesion) -> Phrases:
    if lesion.name == "Support Devices":
        return DEVICES[lesion.kind]
    return lesions.phrases_of(lesion.name, lesion.kind, lesions.degree(lesion))


def _slots(ctx: _Dictation, lesion: Lesion) -> dict[str, str]:
    amount = lesions.degree(lesion)
    adjective, adverb = DEGREES[amount]
    if not lesion.certain:
        adjective, adverb = DEGREES[0]
    side = lesion.side if lesion.side != "midline" else "bilateral"
    bare = side if side != "bilateral" else "{left and right|bilateral}"
    angle = pick(
        ("costophrenic angle", "CP angle", "costophrenic angle", "lateral costophrenic angle"), ctx.rng
    )
    return {
        "pre": places.before_noun(lesion.side, lesion.zone),
        "post": places.after_noun(lesion.side, lesion.zone),
        "side": places.pleural_side(lesion.side) if lesion.name != "Support Devices" else side,
        "lobe_side": bare,
        "deg": adjective,
        "degly": adverb,
        "cm": _size(ctx, lesion),
        "size": ("small", "moderate", "large")[amount],
        "tip_cm": f"{ctx.tip_cm:.1f} cm",
        "effusion": "{pleural effusions|effusions}" if side == "bilateral" else "{pleural effusion|effusion}",
        "angle": f"both {angle}s" if side == "bilateral" else f"the {side} {angle}",
        "the_side": "both sides" if side == "bilateral" else f"the {side}",
        "rib_zone": lesion.zone.replace("middle", "mid"),
        "pleural_place": f"the {side} {'apex' if lesion.zone == 'upper' else 'chest wall'}",
    }


def _size(ctx: _Dictation, lesion: Lesion) -> str:
    """A nodule's or mass's diameter, read to within a tenth."""
    cm = (0.8 + 2.2 * lesion.extent) if lesion.kind == "nodule" else (3.6 + 3.6 * lesion.extent)
    cm *= ctx.reading
    if cm < 2 and ctx.chance(0.5):
        return f"{cm * 10:.0f} mm"
    return f"{cm:.1f} x {cm * (0.8 + ctx.reading / 10):.1f} cm" if ctx.chance(0.2) else f"{cm:.1f} cm"


# What is not there


def _normal_organ(ctx: _Dictation, number: int, keep: float) -> list[str]:
    """Sentences that call an organ without told lesions normal, or none, with probability 1 - keep."""
    if number == 0 or not ctx.chance(keep):
        return []
    if number == 1:
        if ctx.chance(0.5):
            return [_stock(ctx, normal.NORMAL_HEART_AND_MEDIASTINUM)]
        both = [_stock(ctx, normal.NORMAL_HEART), _stock(ctx, normal.NORMAL_MEDIASTINUM)]
        return both if ctx.chance(0.5) else both[:1]
    if number == 3:
        return [_clear_lungs(ctx)] if ctx.clean(*LUNG_OPACITIES) else []
    if number == 4:
        return [_stock(ctx, normal.NORMAL_PLEURA) if ctx.chance(0.3) else _denial(ctx)]
    return (
        [_stock(ctx, normal.NORMAL_VESSELS if number == 2 else normal.NORMAL_BONES)]
        if ctx.chance(0.7)
        else []
    )


def _clear_lungs(ctx: _Dictation) -> str:
    return _stock(ctx, normal.CLEAR_LUNGS, list=_list(ctx))


def _denial(ctx: _Dictation) -> str:
    return _stock(ctx, normal.DENIALS, list=_list(ctx))


def _list(ctx: _Dictation) -> str:
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


# Words to text


def _stock(ctx: _Dictation, options: Sequence[str], **slots: str) -> str:
    """As `_words`; a sentence long enough to be taken for a data set's own gets words of ours behind it."""
    return _own(ctx, _words(ctx, options, **slots), longest=99)


def _own(ctx: _Dictation, text: str, longest: int) -> str:
    stock = 4 < len(_WORD.findall(text)) <= longest and not text.endswith(normal.TAILS)
    return f"{text} {pick(normal.TAILS, ctx.rng)}" if stock else text


def _words(ctx: _Dictation, options: Sequence[str], **slots: str) -> str:
    return expand(pick(options, ctx.rng), ctx.rng, slots)


def _finish(ctx: _Dictation, lines: Iterable[str]) -> list[str]:
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


def _join(ctx: _Dictation, lines: Iterable[str]) -> str:
    text = " ".join(_finish(ctx, dict.fromkeys(lines)))
    return text.upper() if ctx.chance(0.01) else text
