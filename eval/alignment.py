"""Alignment: how near the films are to their reports in a space where a vision-language model puts both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eval.differences import Difference, difference_of_means
from eval.intervals import bootstrap_mean
from eval.retrieval import AT, Candidates, Pairs, retrieval_scores, retrieve
from eval.retrieval import update as update_candidates
from eval.scores import Score


@dataclass(frozen=True, slots=True, eq=False)
class Cosines:
    """Of n films with their own reports; 24 bytes a film."""

    values: NDArray[np.float64]  # (n,)
    patients: NDArray[np.uint64]
    keys: NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """A mergeable state: every film's cosine, and the vectors of the films that retrieval takes."""

    candidates: Candidates
    parts: tuple[Cosines, ...] = ()

    @classmethod
    def empty(cls, dimension: int) -> Alignment:
        return cls(Candidates(dimension))

    @property
    def films(self) -> int:
        return sum(len(part.keys) for part in self.parts)

    def ordered(self) -> Cosines:
        """All of them, in the order of their films' keys: nothing depends on shards."""
        keys = np.concatenate([np.empty(0, np.uint64), *(part.keys for part in self.parts)])
        order = np.argsort(keys, kind="stable")
        return Cosines(
            np.concatenate([np.empty(0), *(part.values for part in self.parts)])[order],
            np.concatenate([np.empty(0, np.uint64), *(part.patients for part in self.parts)])[order],
            keys[order],
        )


def update(state: Alignment, pairs: Pairs) -> Alignment:
    """`state` with films and their reports added. Raises ValueError for vectors of another dimension."""
    part = Cosines(pairs.cosines(), pairs.patients, pairs.keys)
    return Alignment(update_candidates(state.candidates, pairs), (*state.parts, part))


def merge(a: Alignment, b: Alignment) -> Alignment:
    """The state of the films of both. Raises ValueError for states of two dimensions."""
    return Alignment(a.candidates.merge(b.candidates), (*a.parts, *b.parts))


def result(state: Alignment) -> float:
    """The mean cosine. Raises ValueError where there is no film with a report."""
    if not state.films:
        raise ValueError("an alignment needs a film with a report")
    return float(state.ordered().values.mean())


def alignment_scores(
    real: Alignment, synthetic: Alignment, *, matcher: str, digest: str, reference: str
) -> list[Score]:
    """The mean cosine of the synthetic films with their reports, and how often a report is found.

    Real films with their own reports are the `ceiling`, the synthetic films that retrieval takes with another
    patient's report the `floor`. The interval resamples patients. Without a value where no film has a report.
    """
    cosines, chosen = synthetic.ordered(), synthetic.candidates.chosen()
    row = Score(
        metric="alignment",
        extractor=matcher,
        value=None,
        n_real=real.films,
        n_synthetic=synthetic.films,
        reference=reference,
        digest=digest,
        note="mean cosine of a film with its own report",
    )
    if synthetic.films:
        low, high = bootstrap_mean(cosines.values, cosines.patients)
        wrong = chosen.with_wrong_reports().cosines()
        row = replace(
            row,
            value=float(cosines.values.mean()),
            low=low,
            high=high,
            floor=float(wrong.mean()) if len(wrong) else None,
            n_floor=len(wrong) or None,
            ceiling=result(real) if real.films else None,
        )
    found = retrieve(real.candidates.chosen()), retrieve(chosen)
    return [row, *retrieval_scores(*found, row)]


def alignment_differences(ours: Alignment, rival: Alignment) -> dict[str, Difference]:
    """How two corpora differ in the rows of `alignment_scores`, by metric.

    Means of films have no bias in their number: all films of either are taken. Patients are drawn anew with
    their films of both. A metric without a value of one of them is not there.
    """
    differences = {}
    cosines = [state.ordered() for state in (ours, rival)]
    if all(len(of.keys) for of in cosines):
        one, other = cosines
        differences["alignment"] = difference_of_means(one.values, one.patients, other.values, other.patients)
    found, rivals = (retrieve(state.candidates.chosen()) for state in (ours, rival))
    if len(found.ranks) and len(rivals.ranks):
        for at in AT:
            differences[f"retrieval_r{at}"] = difference_of_means(
                found.found(at), found.patients, rivals.found(at), rivals.patients
            )
    return differences
