"""What is there: lesions as sentences, sure or hedged, alone or in pairs."""

from __future__ import annotations

from collections.abc import Sequence

from diffcxr.findings import FindingName
from diffcxr.phantom.dictation import Dictation, own, words
from diffcxr.phantom.phrases import frames, lesions, places
from diffcxr.phantom.phrases.forms import DEGREES
from diffcxr.phantom.study import Lesion, Side, Zone
from diffcxr.phantom.templates import expand, pick


def statements(ctx: Dictation, told: Sequence[Lesion], brief: bool = False) -> list[str]:
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
            lines.append(own(ctx, text, longest=8) if lesion.certain else text)
    return lines


def _fit_together(one: Lesion, other: Lesion) -> bool:
    pneumonia = (one.name, other.name) in (("Pneumonia", "Consolidation"), ("Consolidation", "Pneumonia"))
    same_place = (one.side, one.zone) == (other.side, other.zone)
    pair = (one.name, other.name) in frames.JOINED or (pneumonia and same_place)
    return pair and one.certain and other.certain


def _state_both(ctx: Dictation, lesion: Lesion, partner: Lesion) -> str:
    if (lesion.name, partner.name) not in frames.JOINED:
        return words(ctx, frames.CONSOLIDATED_PNEUMONIA, **_slots(ctx, lesion))
    article, noun = _noun(ctx, lesion)
    _, other = _noun(ctx, partner)
    frame = frames.JOINED[lesion.name, partner.name]
    return expand(frame, ctx.rng, {"a": "a" if article == "a" else "", "np": noun, "other": other})


def _state(ctx: Dictation, lesion: Lesion, brief: bool) -> str:
    phrases = lesions.phrases_of(lesion)
    if not lesion.certain:
        return words(ctx, phrases.hedged, **_slots(ctx, lesion))
    if not brief and phrases.sentences and ctx.chance(0.35):
        return words(ctx, phrases.sentences, **_slots(ctx, lesion))
    article, noun = _noun(ctx, lesion)
    if brief and ctx.chance(0.7):
        return noun
    options = frames.SURE_WITH_PRIOR if ctx.prior and ctx.chance(0.3) else frames.SURE
    verb = "are" if article == "s" else "is"
    return words(ctx, options, a="" if article != "a" else "a", np=noun, **{"is": verb})


def _noun(ctx: Dictation, lesion: Lesion) -> tuple[str, str]:
    """("a", "m" or "s", the noun phrase) of a certain lesion."""
    template = pick(lesions.phrases_of(lesion).nouns, ctx.rng)
    article = template[0] if template[0] != "e" else "s" if lesion.side == "bilateral" else "a"
    return article, expand(template[2:], ctx.rng, _slots(ctx, lesion))


def _slots(ctx: Dictation, lesion: Lesion) -> dict[str, str]:
    amount = lesions.degree(lesion)
    adjective, adverb = DEGREES[amount if lesion.certain else 0]
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


def _size(ctx: Dictation, lesion: Lesion) -> str:
    """A nodule's or mass's diameter, read to within a tenth."""
    cm = (0.8 + 2.2 * lesion.extent) if lesion.kind == "nodule" else (3.6 + 3.6 * lesion.extent)
    cm *= ctx.reading
    if cm < 2 and ctx.chance(0.5):
        return f"{cm * 10:.0f} mm"
    return f"{cm:.1f} x {cm * (0.8 + ctx.reading / 10):.1f} cm" if ctx.chance(0.2) else f"{cm:.1f} cm"


def suspicion(ctx: Dictation, name: FindingName) -> Lesion:
    """A suspected finding as the lesion that the reader had in mind."""
    sides: tuple[Side, ...] = ("right", "left")
    zones: tuple[Zone, ...] = ("middle", "lower")
    side, zone = pick(sides, ctx.rng), pick(zones, ctx.rng)
    kind = "rib" if name == "Fracture" else ""
    return Lesion(name=name, kind=kind, side=side, zone=zone, extent=0.2, severity=0.2, certain=False)
