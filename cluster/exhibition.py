"""The exhibits of an evaluation, made from its scores and its cached features once all films are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from cluster.cached_rows import cached_rows
from cluster.evaluation import Totals
from cluster.exhibits import ROC, Distances, Exhibits, Films, FindingCurve, Neighboured, Place, Plane
from cluster.feature_cache import FeatureCache
from cluster.film_slices import REAL, SYNTHETIC, Census, Selection
from eval.auc import merge_all as merge_scored
from eval.feature_rows import FeatureRows, merge_all
from eval.features.extractor import Extractor, Judge
from eval.moments import merge_all as merge_moments
from eval.nearest import Nearest, Search
from eval.plane import principal_plane
from eval.roc import BAND, GRID, Curve, curves

SAMPLE = 1000
"""Films of either side that are looked at one by one: those of the smallest keys, whatever the shards."""
NEIGHBOURS = 5
SHOWN = 6
"""Films in a row of the page."""

Follow = Callable[[int], object]
"""Is told how many films more were gone through."""


def make_exhibits(
    selections: Mapping[str, Selection],
    censuses: Mapping[str, Census],
    totals: Totals,
    cache: FeatureCache,
    follow: Follow = lambda films: None,
) -> Exhibits:
    """Of the first extractor's cached features and of the classifier's scores, where they were asked for."""
    instruments = totals.instruments
    films = None
    if instruments.extractors:
        films = _films(selections, censuses, totals, instruments.extractors[0], cache, follow)
    roc = None if instruments.classifier is None else roc_of(instruments.classifier, totals)
    return Exhibits(roc=roc, films=films)


def roc_of(classifier: Judge, totals: Totals) -> ROC:
    """Curves against the labels of the synthetic films' reports, and of real films against theirs."""

    def of(side: str) -> list[Curve | None]:
        return curves(merge_scored(totals[side].scored, classifier.dimension))

    found = [
        FindingCurve(
            finding=finding,
            rates=_rounded(curve.rates),
            low=_rounded(curve.low),
            high=_rounded(curve.high),
            real=None if real is None else _rounded(real.rates),
        )
        for finding, curve, real in zip(classifier.findings, of(SYNTHETIC), of(REAL), strict=True)
        if curve is not None
    ]
    return ROC(
        classifier=classifier.name, digest=classifier.digest, band=BAND, grid=GRID.tolist(), curves=found
    )


def _films(
    selections: Mapping[str, Selection],
    censuses: Mapping[str, Census],
    totals: Totals,
    extractor: Extractor,
    cache: FeatureCache,
    follow: Follow,
) -> Films | None:
    """None where nothing has a neighbour: the real films that could be read are of one patient, for example.

    The real films are gone through twice, for the films that are looked at come before those that they are
    compared with.
    """

    def rows(side: str) -> Iterator[FeatureRows]:
        for part in cached_rows(selections[side], censuses[side], extractor, cache):
            yield part
            follow(part.count)

    samples = {side: _sample(rows(side), extractor.dimension) for side in (SYNTHETIC, REAL)}
    searches = {side: Search.of(films, side == SYNTHETIC) for side, films in samples.items()}
    found = {side: Nearest.empty(films.count, NEIGHBOURS) for side, films in samples.items()}
    for part in rows(REAL):
        found = {side: search.update(found[side], part) for side, search in searches.items()}
    distances = {side: np.sqrt(nearest.distances) for side, nearest in found.items()}
    firsts = {side: np.sort(each[:, 0][np.isfinite(each[:, 0])]) for side, each in distances.items()}
    if not all(map(len, firsts.values())):
        return None
    chosen = _choose(distances[SYNTHETIC])
    places = [place for row in chosen.values() for place in row]
    names = {
        SYNTHETIC: _names(selections[SYNTHETIC], censuses[SYNTHETIC], samples[SYNTHETIC].keys[places]),
        REAL: _names(selections[REAL], censuses[REAL], found[SYNTHETIC].keys[places, 0]),
    }

    def shown(place: int) -> Neighboured:
        distance, fifth = (float(distances[SYNTHETIC][place, k]) for k in (0, NEIGHBOURS - 1))
        return Neighboured(
            film=names[SYNTHETIC][int(samples[SYNTHETIC].keys[place])],
            real=names[REAL][int(found[SYNTHETIC].keys[place, 0])],
            distance=distance,
            nearer=float(np.searchsorted(firsts[REAL], distance) / len(firsts[REAL])),
            fifth=fifth if np.isfinite(fifth) else None,
        )

    return Films(
        extractor=extractor.name,
        digest=extractor.digest,
        places={
            side: Place(
                corpus=selections[side].corpus.digest,
                uri=selections[side].corpus.uri,
                films=totals[side].films - totals[side].unreadable,
                sample=films.count,
            )
            for side, films in samples.items()
        },
        of_synthetic=_told(firsts[SYNTHETIC]),
        of_real=_told(firsts[REAL]),
        **{row: list(map(shown, films)) for row, films in chosen.items()},
        plane=_plane(totals, extractor, samples),
    )


def _sample(parts: Iterator[FeatureRows], dimension: int) -> FeatureRows:
    """The SAMPLE films of the smallest keys, by their key."""
    kept = FeatureRows.empty(dimension)
    for part in parts:
        kept = merge_all((kept, part), dimension)
        kept = kept.take(np.argsort(kept.keys, kind="stable")[:SAMPLE])
    return kept


def _choose(distances: NDArray[np.float64]) -> dict[str, list[int]]:
    """Places in the sample of (q, k) distances, by the row of the page that shows them."""
    near, fifth = (np.argsort(distances[:, k], kind="stable") for k in (0, NEIGHBOURS - 1))
    near = near[np.isfinite(distances[near, 0])]
    fifth = fifth[np.isfinite(distances[fifth, -1])]
    half = min(SHOWN, len(fifth) // 2)
    at = dict.fromkeys([*range(min(SHOWN // 2, len(near))), *(len(near) * part // 4 for part in (1, 2, 3))])
    return {
        "near": near[list(at)].tolist(),
        "best": fifth[:half].tolist(),
        "worst": fifth[::-1][:half].tolist(),
    }


def _names(selection: Selection, census: Census, keys: NDArray[np.uint64]) -> dict[int, tuple[str, int]]:
    """What films of those keys are called; opens only the shards that hold one."""
    names: dict[int, tuple[str, int]] = {}
    for shard, there in enumerate(census.keys):
        rows = np.flatnonzero(np.isin(there, keys))
        if len(rows):
            table = selection.read(shard, ["report_id", "sample_index"]).take(rows)
            told = zip(table["report_id"].to_pylist(), table["sample_index"].to_pylist(), strict=True)
            names |= dict(zip(there[rows].tolist(), told, strict=True))
    return names


def _plane(totals: Totals, extractor: Extractor, samples: Mapping[str, FeatureRows]) -> Plane | None:
    if extractor.name not in totals[REAL].sides:
        return None
    of_real, of_synthetic = (
        merge_moments(totals[side].sides[extractor.name].groups, extractor.dimension)
        for side in (REAL, SYNTHETIC)
    )
    plane = principal_plane(of_real, of_synthetic)
    real, synthetic = (
        [(float(f"{x:.4g}"), float(f"{y:.4g}")) for x, y in plane.place(samples[side].features)]
        for side in (REAL, SYNTHETIC)
    )
    return Plane(shares=plane.shares, real=real, synthetic=synthetic)


def _told(distances: NDArray[np.float64]) -> Distances:
    return Distances(films=len(distances), least=float(distances.min()), median=float(np.median(distances)))


def _rounded(rates: NDArray[np.float64]) -> list[float]:
    """To four digits: what a plot shows, and a hundredth of what a band leaves open."""
    found: list[float] = rates.round(4).tolist()
    return found
