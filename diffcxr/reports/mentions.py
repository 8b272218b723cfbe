"""What the fourteen findings are called in reports.

A phrase is a pattern over one lower-case sentence. Where a finding is named by a word that needs its company
("heart ... enlarged"), the group `core` marks that word: negation and doubt are judged from where it stands.
The phrase lists follow CheXpert's labeler (Irvin et al., AAAI 2019, section 3.2) where it gives any.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from diffcxr.findings import FindingName

_GAP = r"[^,;:]{0,70}?"  # within one clause
_HEART = r"(?:heart|cardiac|cardiopericardial|cardio-?thoracic|cardiovascular)"
_SIZED = r"(?:silhouette|shadow|contours?|size|diameter|ratio)"
_LARGE = r"\b(?:enlarge\w*|large|larger than normal|big|prominen\w*|dilat\w*|increased in size|widened|oversized)\b"
_MEDIASTINUM = r"(?:cardio)?mediastin\w*"
_WIDE = r"\b(?:widen\w*|wide|enlarge\w*|broad\w*|prominen\w*)\b"
_ANGLE = r"(?:costophrenic|cardiophrenic|phrenic|sulc(?:us|i)|\bangles?\b|\bcp\b)"
_BLUNT = r"blunt\w*"

_PHRASES: dict[FindingName, tuple[str, ...]] = {
    "Enlarged Cardiomediastinum": (
        rf"\b{_MEDIASTINUM}{_GAP}(?P<core>{_WIDE})",
        rf"(?P<core>{_WIDE})(?: \w+){{0,4}} {_MEDIASTINUM}",
    ),
    "Cardiomegaly": (
        r"\bcardiomegal\w*|\bmegalocardia\b",
        rf"\b{_HEART}(?: {_SIZED})?\b(?![^,;:]*\bvalve){_GAP}(?P<core>{_LARGE})",
        rf"(?P<core>{_LARGE}|\bincreased?\b)(?: (?:in|of|the|overall|global|transverse)){{0,3}} {_HEART}(?: {_SIZED}|$|(?= (?:with|and)))",
        rf"\b{_HEART}(?: {_SIZED})?\b{_GAP}(?P<core>\bborderline)",
        rf"(?P<core>\bborderline){_GAP}\b{_HEART}(?: {_SIZED}|$)",
        r"(?:ventric\w*|atri\w*)(?: \w+){0,2} (?P<core>enlarge\w*)",
    ),
    "Lung Lesion": (
        r"\bnodul\w*|\bmass(?:es)?\b|\blesions?\b|\bcarcinoma\w*|\bneoplas\w*|\btumou?rs?\b|\bmalignan\w*"
        r"|\bmetasta\w*|\bcavit(?:y|ies|ary|ation)\b|\blump\b",
    ),
    "Lung Opacity": (
        r"(?<!radi)opaci\w*|(?<!radi)\bopaque\b|\bairspace (?:disease|process|change|filling|abnormalit)\w*"
        r"|\binfiltr\w*|\bhaz(?:e|y|iness)\b|\bground[ -]glass\b",
    ),
    "Edema": (
        r"edema\w*|\bcongesti\w*|\bchf\b|\bheart failure\b|\bcardiac (?:failure|decompensation)\b|\bcephali[sz]ation\b"
        r"|\bkerley\b|\b(?:fluid|volume) overload\b|\bpulmonary venous hypertension\b",
        r"(?:vascul\w*|vessels?)(?: \w+){0,3} (?P<core>engorge\w*|prominen\w*|indistinct\w*|redistribut\w*|distend\w*)",
        r"(?P<core>engorge\w*|prominen\w*|indistinct\w*|redistribut\w*)(?: \w+){0,3} (?:vascul\w*|vessels?)",
    ),
    "Consolidation": (r"consolid\w*",),
    "Pneumonia": (r"pneumoni(?:a|as|c|tis)\b|\binfecti\w*|\bbronchopneumoni\w*",),
    "Atelectasis": (
        r"at[ae]?l[ae]?ct[aeio]*[st]\w*",
        r"(?P<core>collaps\w*)(?: \w+){0,6} (?:lobes?|lungs?|lingula)",
        r"(?:lobes?|lungs?|lobar|pulmonary|lingula)(?: \w+){0,4} (?P<core>collaps\w*)",
    ),
    "Pneumothorax": (r"pneumothora\w*|\bptx\b|hydropneumothora\w*", r"pleural air collection\w*"),
    "Pleural Effusion": (
        r"effusions?\b|\bpleural fluid\b|\bhydropneumothora\w*|\bh(?:a)?emothora\w*|\bhydrothora\w*|\bempyema\w*"
        r"|hemopneumothora\w*",
        rf"{_ANGLE}{_GAP}(?P<core>{_BLUNT})",
        rf"(?P<core>{_BLUNT}){_GAP}{_ANGLE}",
        r"\bfluid (?:\w+ ){0,4}(?:fissures?|pleural space)",
    ),
    "Pleural Other": (
        r"(?:pleura\w*|pleuro\w*|fissur\w*|apical)(?: \w+){0,3} (?P<core>thicken\w*|plaque\w*|scar\w*|calcific\w*)",
        r"(?P<core>thicken\w*|plaques?|scar\w*|calcific\w*)(?: \w+){0,3} pleura\w*",
        r"\bfibrothora\w*",
    ),
    "Fracture": (r"fractur\w*|\bfx\b",),
    "Support Devices": (
        r"\bpacers?\b|\bpace-?makers?\b|\bdefibrillator\w*|\bicd\b|\baicd\b|\bcatheters?\b|\bpicc\b|\b[a-z]*tubes?\b"
        r"|\bport-?a?-?(?:cath\w*)?\b(?! of)|\bmediports?\b|\b(?:central|picc|venous|ij|jugular|subclavian|arterial|swan)(?: \w+){0,3} lines?\b"
        r"|\blines? and tubes?\b|\bsternotomy\b|\bsternal wires?\b|\bcerclage\b|\bwires?\b|\bleads?\b|\bhardware\b"
        r"|\bprosthe\w*|\barthroplast\w*|\bstents?\b|\bstimulator\w*|\bvalve (?:replacement|prosthesis|repair)\b"
        r"|\b(?:surgical|vascular|metallic|cabg) (?:clips?|markers?|sutures?|staples?)\b|\bclips?\b|\bswan-ganz\b"
        r"|\bdrains?\b|\bcannulas?\b|\bdevices?\b|\bport\b|\brods?\b|\bscrews?\b|\bcoils?\b|\bvascath\b|\bdobhoff\b",
    ),
}

_FALSE_FRIENDS: dict[FindingName, tuple[str, ...]] = {
    "Cardiomegaly": (r"enlarged? (?:hiatal|hernia|lymph|hil\w+)",),
    "Lung Lesion": (
        r"mass effect",
        r"(?:bon[ey]|osseous|skeletal|lytic|sclerotic|blastic|rib|vertebral|skin|breast|cutaneous)(?: \w+){0,2} (?:lesions?|mass(?:es)?|nodul\w*|metasta\w*)",
        r"(?:pleural|chest|thoracic|abdominal|peritoneal|body) cavit\w*",
        r"body mass",
    ),
    "Edema": (
        r"(?:soft tissue|laryngeal|subcutaneous|peripheral|pedal|body wall|leg|lower extremity|epiglott\w+)(?: \w+)? edema",
    ),
    "Pneumonia": (r"(?:port|line|wound|catheter|soft tissue|urinary)(?: \w+)? infection\w*",),
    "Atelectasis": (
        r"(?:vertebra\w*|endplate|humer\w+)(?: \w+){0,4} collaps\w*|collaps\w*(?: \w+){0,4} vertebra\w*",
    ),
    "Pleural Effusion": (r"(?:pericardial|joint|knee|shoulder|elbow)(?: \w+)? effusions?(?! and pleural)",),
    "Support Devices": (r"leads? to\b|leading|drains? into|fluid lines?",),
}

# What says that a finding is absent without naming it, wherever it stands.
_NORMAL = r"(?:normal|unremarkable|within (?:normal )?limits|not enlarged|non-?enlarged|(?:upper|top)(?: \w+){0,3} normal)"
_DENIALS: dict[FindingName, tuple[str, ...]] = {
    "Enlarged Cardiomediastinum": (
        rf"\b{_MEDIASTINUM}(?: \w+){{0,8}} {_NORMAL}",
        rf"{_NORMAL}(?: \w+){{0,3}} {_MEDIASTINUM}",
    ),
    "Cardiomegaly": (
        rf"\b(?:{_HEART}|cardiomediastin\w*)(?: (?!but\b)\w+){{0,8}} {_NORMAL}",
        rf"{_NORMAL}(?: in size| sized?| size of the)?(?: \w+){{0,2}} (?:{_HEART}|cardiomediastin\w*)",
    ),
    "Lung Opacity": (
        r"\blungs?(?: fields?)?(?: \w+){0,4} clear\b(?! (?:of|from))",
        r"\bclear(?: \w+)? lungs?\b",
    ),
    "Edema": (r"\bvascul\w+(?: \w+){0,4} (?:normal|unremarkable|within (?:normal )?limits)",),
    "Pleural Effusion": (
        r"\b(?:costophrenic|pleural) (?:\w+ ){0,5}(?:clear|sharp|normal|preserved|maintained)",
    ),
    "Fracture": (r"\b(?:bones?|bony|osseous|skelet\w+|ribs?)(?: \w+){0,4} (?:intact|normal|unremarkable)",),
}

_COMPILED = {name: [re.compile(phrase) for phrase in phrases] for name, phrases in _PHRASES.items()}
_FRIENDS = {name: re.compile("|".join(phrases)) for name, phrases in _FALSE_FRIENDS.items()}
_DENIED = {name: re.compile("|".join(phrases)) for name, phrases in _DENIALS.items()}


@dataclass(frozen=True, slots=True)
class Mention:
    """A finding named at [start, end) of a sentence."""

    finding: FindingName
    start: int
    end: int


def find_mentions(sentence: str) -> Iterator[Mention]:
    """Yields every mention of a finding in a lower-case `sentence`, by finding, false friends left out."""
    for finding, patterns in _COMPILED.items():
        friends = _FRIENDS.get(finding)
        masked = [match.span() for match in friends.finditer(sentence)] if friends else []
        for pattern in patterns:
            group = "core" if "core" in pattern.groupindex else 0
            for match in pattern.finditer(sentence):
                start, end = match.span(group)
                if not any(low < end and start < high for low, high in masked):
                    yield Mention(finding, start, end)


def find_denials(sentence: str) -> Iterator[FindingName]:
    """Yields the findings that a lower-case `sentence` denies by calling their place normal."""
    return (finding for finding, pattern in _DENIED.items() if pattern.search(sentence))
