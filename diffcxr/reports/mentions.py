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
_SIZED = r"(?:silhouette|shadow|contours?|size|diameter|ratio)"
_HEART = (
    rf"\b(?:(?:cardiac|cardiopericardial|cardio-?thoracic|cardiovascular) {_SIZED}|heart(?: {_SIZED})?)\b"
    r"(?! (?:valves?|borders?|margins?|failure|apex|monitor))"
)
_LARGE = (
    r"(?<!non-)\b(?:enlarge\w*|large|larger than normal|big|prominen\w*|dilat\w*|increased?"
    r"|widened|oversized)\b"
)
_MEDIASTINUM = r"(?:cardio)?mediastin\w*(?! (?:and hilar )?(?:lymph|node|granul|calcif|clip|fat))"
_WIDE = r"\b(?:widen\w*|wide|enlarge\w*|broad\w*|prominen\w*)\b"
_ANGLE = r"(?:costophrenic|cardiophrenic|phrenic|sulc(?:us|i)|\bangles?\b)"
_SWOLLEN = r"\b(?:engorge\w*|prominen\w*|indistinct\w*|redistribut\w*|distend\w*)"
_TUBES = r"(?:central|picc|venous|ij|jugular|subclavian|arterial|dialysis|swan|femoral|midline|art)"

_PHRASES: dict[FindingName, tuple[str, ...]] = {
    "Enlarged Cardiomediastinum": (
        rf"\b{_MEDIASTINUM}(?: {_SIZED})?:?{_GAP}(?P<core>{_WIDE})",
        rf"(?P<core>{_WIDE})(?: \w+){{0,4}} {_MEDIASTINUM}",
    ),
    "Cardiomegaly": (
        r"\bcardiomegal\w*|\bmegalocardia\b|\bcardiac enlargement\b",
        rf"{_HEART}:?(?![^,;:]*\bvalve){_GAP}(?P<core>{_LARGE})",
        rf"(?P<core>{_LARGE})(?: (?:in|of|the|overall|global|transverse)){{0,3}} {_HEART}",
        rf"{_HEART}:?{_GAP}(?P<core>\bborderline)",
        rf"(?P<core>\bborderline){_GAP}{_HEART}",
        r"(?:ventric\w*|atri\w*)(?: \w+){0,2} (?P<core>enlarge\w*)",
    ),
    "Lung Lesion": (
        r"\bnodul\w*|\bmass(?:es)?\b|\blesions?\b|\bcarcinoma\w*|\bneoplas\w*|\btumou?rs?\b|\bmalignan\w*"
        r"|\bmetasta\w*|\bcavit(?:y|ies|ary|ation)\b|\blump\b",
    ),
    "Lung Opacity": (
        r"(?<!radi)(?<!radio)opaci\w*|\bopaque\b|\bairspace (?:disease|process|change|filling|abnormalit)\w*"
        r"|\binfiltr\w*|\bhaz(?:e|y|iness)\b|\bground[ -]glass\b",
    ),
    "Edema": (
        r"edema\w*|\bcongesti\w*|\bchf\b|\bheart failure\b|\bcardiac (?:failure|decompensation)\b"
        r"|\bcephali[sz]ation\b|\bkerley\b|\b(?:fluid|volume) overload\b|\bpulmonary venous hypertension\b",
        rf"(?:vascul\w*|vessels?):?(?: \w+){{0,3}} (?P<core>{_SWOLLEN})",
        rf"(?P<core>{_SWOLLEN})(?: \w+){{0,3}} (?:vascul\w*|vessels?)",
    ),
    "Consolidation": (r"consolid\w*",),
    "Pneumonia": (r"pneumoni(?:a|as|c|tis)\b|\binfecti\w*|\bbronchopneumoni\w*",),
    "Atelectasis": (
        r"at[ae]?l[ae]?ct[aeio]*[st]\w*",
        r"(?P<core>collaps\w*)(?: \w+){0,6} (?:lobes?|lungs?|lingula)",
        r"(?:lobes?|lungs?|lobar|pulmonary|lingula)(?: \w+){0,4} (?P<core>collaps\w*)",
    ),
    "Pneumothorax": (r"pneumothora\w*|\bptx\b|\bpleural air collection\w*",),
    "Pleural Effusion": (
        r"effusions?\b|\bpleural fluid\b|hydropneumothora\w*|hemopneumothora\w*|\bhemothora\w*"
        r"|\bhydrothora\w*"
        r"|\bempyema\w*|\bfluid (?:\w+ ){0,4}(?:fissures?|pleural space)",
        rf"{_ANGLE}{_GAP}(?P<core>\bblunt\w*)",
        rf"(?P<core>\bblunt\w*){_GAP}{_ANGLE}",
    ),
    "Pleural Other": (
        r"(?:pleura\w*|pleuro\w*|fissur\w*):?(?: \w+){0,3}"
        r" (?P<core>thicken\w*|plaque\w*|scar\w*|calcific\w*)",
        r"apical (?:\w+ )?(?P<core>thicken\w*|cap(?:s|ping)?\b)",
        r"(?P<core>thicken\w*|plaques?|scar\w*|calcific\w*)(?: \w+){0,3} pleura\w*",
        r"\bfibrothora\w*",
    ),
    "Fracture": (r"fractur\w*|\bfx\b",),
    "Support Devices": (
        r"\bpacers?\b|\bpace-?makers?\b|\bdefibrillator\w*|\ba?icd\b|\bcatheters?\b|\bpicc\b|\b[a-z]*tubes?\b"
        r"|\b[enod][gt]ts?\b|\bport(?:-?a-?cath)?\b(?! of)|\bmediports?\b|\bvas-?cath\b"
        r"|\bdobhoff\b|\bswan-ganz\b",
        rf"\b{_TUBES}(?: \w+){{0,3}} lines?\b|\blines? and tubes?\b|\bsupport devices?\b|\bdevices?\b",
        r"\bsternotomy\b|\bcerclage\b|\bwires?\b|\bleads?\b|\bhardware\b|\bprosthe\w*"
        r"|\barthroplast\w*|\bstents?\b"
        r"|stimulator\w*|\bvalve (?:replacement|repair)\b|\bclips?\b|\bsutures?\b|\bstaples?\b"
        r"|\bcabg markers?\b"
        r"|\bdrains?\b|\bcannulas?\b|\brods?\b|\bscrews?\b|\bcoils?\b",
    ),
}

_FALSE_FRIENDS: dict[FindingName, tuple[str, ...]] = {
    "Cardiomegaly": (
        r"\b(?:large|prominent|enlarged)(?: \w+)? (?:hiatal|hernia|effusions?|lungs?|lymph|hil\w+"
        r"|vascul\w+|aort\w+)",
        r"increased (?:\w+ )?(?:markings|opaci\w+|densit\w+|interstiti\w+)",
    ),
    "Lung Lesion": (
        r"mass effect|body mass",
        r"(?:bon[ey]|osseous|skeletal|lytic|sclerotic|blastic|rib|vertebral|skin|breast"
        r"|cutaneous)(?: \w+){0,2}"
        r" (?:lesions?|mass(?:es)?|nodul\w*|metasta\w*)",
        r"(?:pleural|chest|thoracic|abdominal|peritoneal|body) cavit\w*",
        r"(?:mediastin\w+|pericardial|pleural|hilar|thyroid|neck|abdominal|renal|adrenal"
        r"|hepatic) (?:mass(?:es)?|lesions?)",
    ),
    "Edema": (
        r"(?:soft tissue|laryngeal|subcutaneous|peripheral|pedal|body wall|leg|lower extremity|epiglott\w+)"
        r"(?: \w+)? edema",
    ),
    "Pneumonia": (
        r"(?:port|line|wound|catheter|soft tissue|urinary|granulomatous|histoplasm\w+|tubercul\w+"
        r"|prior|previous|old"
        r"|remote)(?: \w+){0,2} infecti\w*",
    ),
    "Atelectasis": (
        r"(?:vertebra\w*|endplate|humer\w+)(?: \w+){0,4} collaps\w*|collaps\w*(?: \w+){0,4} vertebra\w*",
    ),
    "Pleural Effusion": (r"(?:pericardial|joint|knee|shoulder|elbow)(?: \w+)? effusions?",),
    "Fracture": (
        r"(?:catheter|wires?|leads?|sternotomy|hardware|screws?|rods?)(?: \w+)? fractur\w*"
        r"|fractur\w*(?: \w+){0,3} (?:catheter|wires?|leads?|sternotomy|hardware|screws?|rods?)",
    ),
    "Support Devices": (r"leads? to\b|drains? into|fluid lines?",),
}

# What says that a finding is absent without naming it, wherever it stands.
_FINE = r"(?:normal|unremarkable|within (?:normal )?limits)"
_NOT_LARGE = rf"(?:{_FINE}|non-?enlarged|(?:upper|top)(?: \w+){{0,3}} normal)"
_ANY_HEART = r"(?:heart|cardiac|cardiomediastin\w*|cardiopericardial)"
_DENIALS: dict[FindingName, tuple[str, ...]] = {
    "Enlarged Cardiomediastinum": (
        rf"\b{_MEDIASTINUM}(?: {_SIZED})?:?(?: \w+){{0,8}} {_NOT_LARGE}",
        rf"(?<!ab){_NOT_LARGE}(?: \w+){{0,3}} {_MEDIASTINUM}",
    ),
    "Cardiomegaly": (
        rf"\b{_ANY_HEART}(?:(?: \w+){{0,3}}:)?(?: (?!but\b)\w+){{0,8}} {_NOT_LARGE}",
        rf"(?<!ab){_NOT_LARGE}(?: in size| sized?| size of the)?(?: \w+){{0,2}} {_ANY_HEART}",
    ),
    "Lung Opacity": (
        r"\blungs?(?: fields?)?:?(?: \w+){0,4} clear\b(?! (?:of|from))",
        r"\bclear(?: \w+)? lungs?\b",
    ),
    "Edema": (rf"\bvascul\w+:?(?: \w+){{0,4}} {_FINE}",),
    "Pleural Effusion": (
        r"\b(?:costophrenic|pleural?):? (?:\w+:? ){0,5}(?:clear|sharp|normal|preserved|maintained)",
    ),
    "Fracture": (r"\b(?:bones?|bony|osseous|skelet\w+|ribs?):?(?: \w+){0,4} (?:intact|normal|unremarkable)",),
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
