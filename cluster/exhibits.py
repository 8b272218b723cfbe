"""What an evaluation shows beside its scores: ROC curves, films with their nearest real ones, and a map."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

EXHIBITS_PATH = "exhibits.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCurve:
    """True positive rates at the false positive rates of `ROC.grid`; `real` those of the real films."""

    finding: str
    rates: list[float]
    low: list[float]
    high: list[float]
    real: list[float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ROC:
    classifier: str
    digest: str
    band: str  # how the bands were taken
    grid: list[float]
    curves: list[FindingCurve]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where films lie, so that a page can read them; none is in the exhibits themselves."""

    corpus: str  # digest
    uri: str
    films: int
    sample: int  # of them looked at one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighboured:
    """A synthetic film, its nearest real one, and how far they are apart.

    `nearer` is the share of real films whose nearest film of another patient is nearer than that; `fifth` the
    distance from the fifth nearest real film, None where there are fewer.
    """

    film: tuple[str, int]  # report_id, sample_index
    real: tuple[str, int]
    distance: float
    nearer: float
    fifth: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Distances:
    """From the nearest real film, of a sample."""

    films: int
    least: float
    median: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """The films of both samples in the principal plane of all films, and the variance along its axes."""

    shares: tuple[float, float]
    real: list[tuple[float, float]]
    synthetic: list[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Films:
    """By one extractor's features."""

    extractor: str
    digest: str
    places: Mapping[str, Place]  # REAL and SYNTHETIC
    of_synthetic: Distances
    of_real: Distances  # from films of other patients
    near: list[Neighboured]  # the three nearest of the sample, and those at its quartiles
    best: list[Neighboured]  # the smallest `fifth`, rising
    worst: list[Neighboured]  # the largest, falling
    plane: Plane | None  # None where FID was not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibits:
    roc: ROC | None
    films: Films | None


def exhibits_to_json(exhibits: Exhibits) -> bytes:
    """The same bytes for the same exhibits."""
    return (json.dumps(asdict(exhibits), allow_nan=False) + "\n").encode()


def exhibits_from_json(data: bytes) -> Exhibits:
    """What `exhibits_to_json` was given. Raises TypeError, KeyError or ValueError for anything else."""
    told: dict[str, Any] = json.loads(data)
    roc, films = told["roc"], told["films"]
    return Exhibits(
        roc=roc and ROC(**{**roc, "curves": [FindingCurve(**curve) for curve in roc["curves"]]}),
        films=films and _films(films),
    )


def _films(told: Mapping[str, Any]) -> Films:
    plane = told["plane"]
    return Films(
        extractor=told["extractor"],
        digest=told["digest"],
        places={side: Place(**place) for side, place in told["places"].items()},
        of_synthetic=Distances(**told["of_synthetic"]),
        of_real=Distances(**told["of_real"]),
        **{row: [_neighboured(one) for one in told[row]] for row in ("near", "best", "worst")},
        plane=plane
        and Plane(
            shares=_pair(plane["shares"]),
            real=list(map(_pair, plane["real"])),
            synthetic=list(map(_pair, plane["synthetic"])),
        ),
    )


def _neighboured(told: Mapping[str, Any]) -> Neighboured:
    return Neighboured(**{**told, "film": tuple(told["film"]), "real": tuple(told["real"])})


def _pair(told: Any) -> tuple[float, float]:
    first, second = told
    return float(first), float(second)
