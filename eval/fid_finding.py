"""FID of the films that show a finding, from the real films that show it: is each drawn as it looks?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eval.differences import Difference
from eval.feature_differences import fid_difference
from eval.feature_rows import FeatureRows, merge_all, ordered
from eval.fid import MATCHED, Side, fid_score, update_side
from eval.floors import NONE, plan_floor
from eval.moments import Features
from eval.scores import Score

MOST = 5000
"""Films of a finding and side: what FID usually asks for. Those of the smallest keys are taken."""
LEAST = 100
"""Films of a finding and side below which there is no value: five for each group of the jackknife, some of
which would often be empty with fewer. A floor parts the real ones in two, and takes half as many."""
Follow = Callable[[str, Iterator[float]], Iterator[float]]
"""Shows the progress of a finding's jackknife."""


@dataclass(frozen=True, slots=True, eq=False)
class FindingFilms:
    """A mergeable state: the films of each finding that have the smallest keys, MOST of them.

    Moments by finding and group would be 14 x 20 matrices of d x d, 9 GB at d = 2048. Features of films are
    4 d bytes each and a film with several findings is kept once: at most 0.6 GB for 14 findings of d = 2048,
    and as much again until the next trimming, for any number of films. Which films these are depends on
    their keys alone.
    """

    dimension: int
    findings: int
    parts: tuple[tuple[FeatureRows, NDArray[np.bool_]], ...] = ()  # films (n,), and their findings (n, f)
    trimmed: int = 0  # films that were left when there were last too many

    @property
    def count(self) -> int:
        return sum(rows.count for rows, _ in self.parts)

    def of(self, finding: int) -> FeatureRows:
        """The films of a finding, at most MOST, by patient and key."""
        rows, present = _together(self)
        return ordered(first(rows.take(present[:, finding]), MOST))


def first(rows: FeatureRows, count: int) -> FeatureRows:
    """So many films of the smallest keys."""
    return rows.take(np.argsort(rows.keys, kind="stable")[:count])


def update(state: FindingFilms, rows: FeatureRows, present: NDArray[np.bool_]) -> FindingFilms:
    """`state` with films (n,) added, of which `present` (n, f) says what each shows.

    Raises ValueError for features of another dimension, or another number of findings.
    """
    shows = present.sum(1) > 0
    part = FindingFilms(state.dimension, present.shape[1], ((rows.take(shows), present[shows]),))
    if rows.features.shape[1] != state.dimension:
        raise ValueError(f"features {rows.features.shape} do not have dimension {state.dimension}")
    return merge(state, part)


def merge(a: FindingFilms, b: FindingFilms) -> FindingFilms:
    """The state of the films of both. Raises ValueError for states that do not fit together."""
    if (a.dimension, a.findings) != (b.dimension, b.findings):
        raise ValueError("states of different dimensions or findings cannot be merged")
    both = FindingFilms(a.dimension, a.findings, (*a.parts, *b.parts), max(a.trimmed, b.trimmed))
    # Only where they have doubled: else each slice would copy all films.
    return trim(both) if both.count > 2 * both.trimmed + MOST else both


def trim(state: FindingFilms) -> FindingFilms:
    """The same state without films that no finding takes."""
    rows, present = _together(state)
    taken = np.zeros(rows.count, np.bool_)
    for shows in present.T:
        films = np.flatnonzero(shows)
        taken[films[np.argsort(rows.keys[films], kind="stable")[:MOST]]] = True
    kept = (rows.take(taken), present[taken])
    return FindingFilms(state.dimension, state.findings, (kept,), int(taken.sum()))


def fid_finding_scores(
    real: FindingFilms,
    synthetic: FindingFilms,
    *,
    findings: Sequence[str],
    extractor: str,
    digest: str,
    reference: str,
    follow: Follow = lambda _, values: values,
) -> Iterator[Score]:
    """A row for each finding: FID with a delete-group jackknife interval and its floor, as of all films.

    No value where fewer than LEAST films of a side show the finding, and no floor where fewer than half as
    many of a half of the real ones do: the note says how many there are.
    """
    for index, finding in enumerate(findings):
        films, made = real.of(index), synthetic.of(index)
        row = Score(
            metric="fid_finding",
            extractor=extractor,
            subset=finding,
            value=None,
            n_real=films.count,
            n_synthetic=made.count,
            reference=reference,
            digest=digest,
        )
        if min(films.count, made.count) < LEAST:
            told = (
                f"{films.count:,} real and {made.count:,} synthetic films show it; a value needs {LEAST} each"
            )
            yield replace(row, note=told)
            continue
        plan = plan_floor(films.patients, films.keys, made.keys)
        sides = (
            _side(films, plan.half(films.patients, films.keys)),
            _side(made, np.where(plan.matched(made.keys), MATCHED, NONE)),
        )
        score = fid_score(
            *sides,
            extractor=extractor,
            digest=digest,
            reference=reference,
            follow=lambda values, finding=finding: follow(finding, values),  # type: ignore[misc]
        )
        score = replace(score, metric="fid_finding", subset=finding)
        if plan.n < LEAST // 2:
            told = f"a floor needs {LEAST // 2} films in each half of the real ones"
            score = replace(score, floor=None, n_floor=None, value_at_floor=None, note=told)
        yield score


def fid_finding_differences(
    real: FindingFilms, ours: FindingFilms, rival: FindingFilms, *, findings: Sequence[str]
) -> Iterator[tuple[str, Difference | None, int]]:
    """How two corpora differ, and over how many films of each: those of the smallest keys of a finding.

    None where fewer than LEAST films of a side show the finding.
    """
    for index, finding in enumerate(findings):
        films, one, other = (state.of(index) for state in (real, ours, rival))
        n = min(one.count, other.count)
        if min(n, films.count) < LEAST:
            yield finding, None, n
            continue
        chosen = (films, first(one, n), first(other, n))
        real_side, side, rival_side = (_side(rows, np.full(rows.count, NONE)) for rows in chosen)
        yield finding, fid_difference(real_side, side, rival_side), n


def _side(rows: FeatureRows, sets: NDArray[np.int64]) -> Side:
    features: Features = rows.features
    return update_side(Side.empty(features.shape[1]), features, rows.groups, sets)


def _together(state: FindingFilms) -> tuple[FeatureRows, NDArray[np.bool_]]:
    rows = merge_all((rows for rows, _ in state.parts), state.dimension)
    present = [present for _, present in state.parts]
    return rows, np.concatenate([np.zeros((0, state.findings), np.bool_), *present])
