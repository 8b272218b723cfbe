"""Who is on the film and what they have: the part of the embedded world that films and reports share.

A study is sampled from (seed, index) alone, so that any row can be made anywhere, in any order. Patients
have one to three studies and keep their anatomy, sex and age over them.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from diffcxr.findings import CHEXPERT_14, NEGATIVE, POSITIVE, UNCERTAIN, FindingName, Labels

Side = Literal["left", "right", "bilateral", "midline"]
"""The patient's side; the patient's left is on the viewer's right."""
Zone = Literal["upper", "middle", "lower", "diffuse"]
Artefact = Literal[
    "lateral",
    "rotated",
    "inverted",
    "cropped",
    "zoomed",
    "blank",
    "overexposed",
    "burned_in_text",
    "not_a_chest",
]

ARTEFACTS: tuple[Artefact, ...] = Artefact.__args__  # type: ignore[attr-defined]

LUNG_OPACITIES: tuple[FindingName, ...] = (
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Lung Opacity",
)
"""What CheXpert's hierarchy counts as Lung Opacity; drawn under its own name it is a hazy one."""

DEVICES = ("endotracheal tube", "central venous catheter", "pacemaker", "nasogastric tube", "sternal wires")

_PATIENT_OF_ROW = (0, 1, 2, 3, 3, 4, 4, 5, 5, 5)  # ten rows hold six patients
_PATIENTS_PER_TEN_ROWS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    """One drawn abnormality.

    `extent` and `severity` are in (0, 1]: how much of its place it takes, and how dense or marked it is. The
    report says uncertain things of a lesion that is not `certain`, and its label is then UNCERTAIN.
    """

    name: FindingName
    kind: str  # e.g. "nodule", "rib", "pacemaker"; "" where the finding has one form
    side: Side
    zone: Zone
    extent: float
    severity: float
    certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One film's whole truth. `habitus` runs from -1 (thin) to 1 (obese)."""

    seed: int
    index: int
    patient_id: str
    sex: Literal["F", "M"]
    age: float  # years
    habitus: float
    view: Literal["PA", "AP", "LATERAL"]
    lesions: tuple[Lesion, ...]
    suspected: tuple[FindingName, ...]  # the report calls these possible; the film does not show them
    artefact: Artefact | None

    def lesions_of(self, name: FindingName) -> tuple[Lesion, ...]:
        return tuple(lesion for lesion in self.lesions if lesion.name == name)

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def generator(seed: int, index: int, purpose: str) -> np.random.Generator:
    """The random stream of one purpose ("study", "film", "report", ...) of one row of one world."""
    key = hashlib.sha256(f"phantom/{seed}/{index}/{purpose}".encode()).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def patient_number(index: int) -> int:
    """The patient of row `index`, counted from 0 within a seed's world."""
    return index // 10 * _PATIENTS_PER_TEN_ROWS + _PATIENT_OF_ROW[index % 10]


def patient_split(patient_id: str) -> Literal["train", "validate", "test"]:
    """A patient's split, 80 : 10 : 10 by hash."""
    tenth = int.from_bytes(hashlib.sha256(patient_id.encode()).digest()[:8], "little") % 10
    return "test" if tenth == 9 else "validate" if tenth == 8 else "train"


def sample_study(seed: int, index: int, artefacts: float = 0.0) -> Study:
    """The study of row `index` of world `seed`; a share `artefacts` of rows are artefact films."""
    number = patient_number(index)
    person = generator(seed, number, "patient")
    sex: Literal["F", "M"] = "F" if person.random() < 0.48 else "M"
    age = float(np.clip(person.normal(58, 18), 18, 95).round())
    habitus = float(np.clip(person.normal(0, 0.45), -1, 1))

    rng = generator(seed, index, "study")
    sickness = float(np.clip(rng.beta(1.2, 1.6) + (age - 58) / 200, 0, 1))
    view: Literal["PA", "AP", "LATERAL"] = "AP" if rng.random() < 0.1 + 0.6 * sickness**2 else "PA"
    lesions = _sample_lesions(rng, age, sickness, supine=view == "AP")
    suspected = _sample_suspected(rng, lesions)

    film = generator(seed, index, "artefact")
    artefact = ARTEFACTS[int(film.integers(len(ARTEFACTS)))] if film.random() < artefacts else None
    return Study(
        seed=seed,
        index=index,
        patient_id=f"phantom-{seed}-{number:07d}",
        sex=sex,
        age=age,
        habitus=habitus,
        view="LATERAL" if artefact == "lateral" else view,
        lesions=lesions,
        suspected=suspected,
        artefact=artefact,
    )


def labels(study: Study) -> Labels:
    """CheXpert-14 truth of a study: drawn is positive, hedged (drawn or not) is uncertain, else negative.

    Lung Opacity is the union of its children, as in CheXpert's hierarchy; No Finding means nothing but
    devices.
    """
    found: Labels = dict.fromkeys(CHEXPERT_14, NEGATIVE)
    for name in study.suspected:
        found[name] = UNCERTAIN
    for lesion in study.lesions:
        if found[lesion.name] != POSITIVE:
            found[lesion.name] = POSITIVE if lesion.certain else UNCERTAIN
    opacities = {found[name] for name in LUNG_OPACITIES}
    found["Lung Opacity"] = next((v for v in (POSITIVE, UNCERTAIN) if v in opacities), NEGATIVE)
    abnormal = {found[name] for name in CHEXPERT_14 if name not in ("No Finding", "Support Devices")}
    found["No Finding"] = (
        NEGATIVE if POSITIVE in abnormal else UNCERTAIN if UNCERTAIN in abnormal else POSITIVE
    )
    return found


def _sample_lesions(
    rng: np.random.Generator, age: float, sickness: float, supine: bool
) -> tuple[Lesion, ...]:
    """Findings in the order of their causes, so that they come together as they do in patients."""
    lesions: list[Lesion] = []
    present: set[str] = set()

    def add(name: FindingName, side: Side, zone: Zone, kind: str = "") -> None:
        present.add(name)
        extent, severity = rng.beta(2, 2, size=2) * 0.8 + 0.2
        certain = bool(rng.random() < 0.93)
        lesions.append(
            Lesion(
                name=name,
                kind=kind,
                side=side,
                zone=zone,
                extent=round(float(extent), 3),
                severity=round(float(severity), 3),
                certain=certain,
            )
        )

    def side(right: float = 0.4, left: float = 0.35) -> Side:
        roll = rng.random()
        return "right" if roll < right else "left" if roll < right + left else "bilateral"

    def one_side() -> Side:
        return "right" if rng.random() < 0.53 else "left"

    def zone(upper: float, middle: float) -> Zone:
        roll = rng.random()
        return "upper" if roll < upper else "middle" if roll < upper + middle else "lower"

    def happens(healthy: float, sick: float) -> bool:
        return bool(rng.random() < healthy + (sick - healthy) * sickness**1.5)

    if happens(0.02, 0.65):
        add("Cardiomegaly", "midline", "middle")
    if happens(0.02, 0.22):
        add("Enlarged Cardiomediastinum", "midline", "upper")
    heart_failure = "Cardiomegaly" in present
    if happens(0.0, 0.75 if heart_failure else 0.15):
        add("Edema", "bilateral", "diffuse")
    if happens(0.02, 0.90 if "Edema" in present else 0.40):
        add("Pleural Effusion", side(0.35, 0.3), "lower")
    if happens(0.02, 0.32):
        add("Pneumonia", side(0.45, 0.35), zone(0.2, 0.3))
    if happens(0.01, 0.26):
        add("Consolidation", one_side(), zone(0.3, 0.3))
    if happens(0.03, 0.55 if "Pleural Effusion" in present else 0.28):
        add("Atelectasis", side(0.35, 0.4), "lower")
    if happens(0.02, 0.18):
        kind = "nodule" if rng.random() < 0.6 else "mass"
        add("Lung Lesion", one_side(), zone(0.45, 0.35), kind)
    if happens(0.01, 0.18):
        add("Pneumothorax", one_side(), "upper")
    if happens(0.02, 0.55 if "Pneumothorax" in present else 0.10 + 0.001 * age):
        add("Fracture", one_side(), zone(0.3, 0.5), "rib" if rng.random() < 0.7 else "clavicle")
    if happens(0.02, 0.16):
        kind = "thickening" if rng.random() < 0.6 else "plaque"
        add(
            "Pleural Other",
            one_side(),
            "upper" if kind == "thickening" and rng.random() < 0.5 else "middle",
            kind,
        )
    if not present & set(LUNG_OPACITIES) and happens(0.02, 0.22):
        add("Lung Opacity", one_side(), zone(0.25, 0.35))
    for kind, odds in zip(DEVICES, (0.25, 0.35, 0.12, 0.22, 0.12), strict=True):
        if rng.random() < odds * sickness * (1.5 if supine else 0.5):
            placed: Side = (
                "midline"
                if kind in ("endotracheal tube", "nasogastric tube", "sternal wires")
                else one_side()
            )
            add("Support Devices", placed, "upper", kind)
    return tuple(lesions)


def _sample_suspected(rng: np.random.Generator, lesions: tuple[Lesion, ...]) -> tuple[FindingName, ...]:
    present = {lesion.name for lesion in lesions}
    candidates: tuple[FindingName, ...] = (
        "Pneumonia",
        "Atelectasis",
        "Pleural Effusion",
        "Edema",
        "Fracture",
    )
    return tuple(name for name in candidates if name not in present and rng.random() < 0.015)
