"""Where a finding is, as a radiologist says it: before the noun, and after it."""

from __future__ import annotations

from diffcxr.phantom.study import Side, Zone

_LOBE = {
    ("right", "upper"): "{right upper lobe|RUL}",
    (
        "right",
        "middle",
    ): "{right midlung|right mid lung|right mid zone|right mid lung zone|right middle lobe}",
    ("right", "lower"): "{right lower lobe|right lower lobe|RLL}",
    ("left", "upper"): "{left upper lobe|LUL}",
    ("left", "middle"): "{left midlung|left mid lung|left mid zone|left mid lung zone|lingula}",
    ("left", "lower"): "{left lower lobe|left lower lobe|LLL}",
}


_MEDIAL = {"left": "in the retrocardiac region", "right": "medially at the right base"}


def before_noun(side: Side, zone: Zone) -> str:
    """Template of an attribute: "right lower lobe", "left basilar", "bibasilar"."""
    if side in ("bilateral", "midline"):
        return {
            "upper": "{bilateral upper lobe|biapical|bilateral upper lung}",
            "middle": "{bilateral midlung|bilateral perihilar|bilateral mid lung zone}",
            "lower": "{bibasilar|bilateral lower lobe|bilateral basilar|bibasal}",
            "diffuse": "{diffuse|bilateral|diffuse bilateral}",
        }[zone]
    lobe = _LOBE.get((side, zone), side)
    return {
        "upper": f"{{{lobe}|{lobe}|{side} upper lung|{side} upper zone|{side} suprahilar}}",
        "middle": f"{{{lobe}|{side} perihilar|mid {side} lung}}",
        "lower": f"{{{lobe}|{lobe}|{side} basilar|{side} lower lung|{side} base|{side} lower zone}}",
        "diffuse": f"{{diffuse {side} lung|{side} lung}}",
    }[zone]


def after_noun(side: Side, zone: Zone) -> str:
    """Template of a place: "in the right lower lobe", "at both lung bases"."""
    if side in ("bilateral", "midline"):
        return {
            "upper": "in {both upper lobes|the upper lobes bilaterally|the upper lungs|both upper lung "
            "zones}",
            "middle": "in {both midlungs|the mid lungs bilaterally|both perihilar regions}",
            "lower": "{at both {lung |}bases|in the lower lobes bilaterally|in both lower {lobes|lungs}|at "
            "the bases}",
            "diffuse": "{throughout both lungs|in both lungs|bilaterally}",
        }[zone]
    lobe = _LOBE.get((side, zone), side)
    return {
        "upper": f"in the {{{lobe}|{lobe}|upper {side} lung|{side} upper lung zone|upper {side} hemithorax}}",
        "middle": f"in the {{{lobe}|{lobe}|{side} perihilar region|mid {side} lung}}",
        "lower": f"{{in the {lobe}|in the {lobe}|at the {side} {{lung |}}base|in the lower {side} lung|"
        f"overlying the {side} hemidiaphragm|{_MEDIAL[side]}}}",
        "diffuse": f"throughout the {side} lung",
    }[zone]


def pleural_side(side: Side) -> str:
    """Template of a side where zones do not matter: "right", "right-sided", "bilateral"."""
    return "bilateral" if side in ("bilateral", "midline") else f"{{{side}|{side}|{side}-sided|{side} sided}}"
