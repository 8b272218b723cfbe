"""Retrieval: how often a film's own report is found among a hundred that say different things."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eval.groups import of_another
from eval.intervals import bootstrap_mean
from eval.scores import Score

BATCH = 100
"""Reports among which a film looks for its own; no two are the same text."""
BATCHES = 100
"""At most: the films of the smallest keys are taken."""
AT = (1, 5, 10)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """n films with their own reports, as unit vectors of one space."""

    films: NDArray[np.float32]  # (n, d)
    reports: NDArray[np.float32]  # (n, d)
    patients: NDArray[np.uint64]
    keys: NDArray[np.uint64]  # of the films
    texts: NDArray[np.uint64]  # eval.groups.stable_hash of what the reports say

    @classmethod
    def of(
        cls,
        films: NDArray[np.float32],
        reports: NDArray[np.float32],
        patients: NDArray[np.uint64],
        keys: NDArray[np.uint64],
        texts: NDArray[np.uint64],
    ) -> Pairs:
        """From vectors of any length."""
        return cls(_unit(films), _unit(reports), patients, keys, texts)

    @classmethod
    def empty(cls, dimension: int) -> Pairs:
        none, nobody = np.empty((0, dimension), np.float32), np.empty(0, np.uint64)
        return cls(none, none, nobody, nobody, nobody)

    def cosines(self) -> NDArray[np.float64]:
        """(n,): of each film with its own report."""
        found: NDArray[np.float64] = (self.films.astype(np.float64) * self.reports).sum(1)
        return found

    def take(self, films: NDArray[np.int64] | NDArray[np.bool_]) -> Pairs:
        """Those films, by their places or by a mask."""
        return Pairs(
            self.films[films], self.reports[films], self.patients[films], self.keys[films], self.texts[films]
        )

    def with_wrong_reports(self) -> Pairs:
        """Each film with the report of the next film of another patient; without those that have none."""
        places = of_another(self.patients, 1)
        films = np.flatnonzero(places >= 0)
        said = self.take(places[films])
        return replace(self.take(films), reports=said.reports, texts=said.texts)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """A mergeable state: of each text the film of the smallest key, and of these the BATCHES x BATCH first.

    Which films these are depends on keys and texts alone. 8 d bytes each, 20 MB at d = 256, and as much again
    until the next trimming.
    """

    dimension: int
    parts: tuple[Pairs, ...] = ()

    @property
    def count(self) -> int:
        return sum(len(part.keys) for part in self.parts)

    def chosen(self) -> Pairs:
        """The films that are taken, in the order of their keys."""
        parts = (Pairs.empty(self.dimension), *self.parts)
        together = Pairs(
            np.concatenate([part.films for part in parts]),
            np.concatenate([part.reports for part in parts]),
            np.concatenate([part.patients for part in parts]),
            np.concatenate([part.keys for part in parts]),
            np.concatenate([part.texts for part in parts]),
        )
        order = np.argsort(together.keys, kind="stable")
        _, first = np.unique(together.texts[order], return_index=True)  # of each text the smallest key
        return together.take(order[np.sort(first)][: BATCHES * BATCH])

    def merge(self, other: Candidates) -> Candidates:
        """The state of the films of both. Raises ValueError for states of two dimensions."""
        if self.dimension != other.dimension:
            raise ValueError("states of different dimensions cannot be merged")
        both = Candidates(self.dimension, (*self.parts, *other.parts))
        # Only where there are twice too many: else each slice would copy all films.
        return replace(both, parts=(both.chosen(),)) if both.count > 2 * BATCHES * BATCH else both


def update(state: Candidates, pairs: Pairs) -> Candidates:
    """`state` with films added. Raises ValueError for vectors of another dimension."""
    return state.merge(Candidates(pairs.films.shape[1], (pairs,)))


@dataclass(frozen=True, slots=True, eq=False)
class Retrieved:
    """How many reports of its batch are no farther from each film than its own."""

    ranks: NDArray[np.int64]  # (n,): 0 where the own report is the nearest
    patients: NDArray[np.uint64]

    def found(self, at: int) -> NDArray[np.float64]:
        """(n,): 1 where the own report is among the `at` nearest."""
        return (self.ranks < at).astype(np.float64)


def retrieve(candidates: Pairs) -> Retrieved:
    """Of films in the order of their keys: each batch of BATCH following ones; what remains is left out."""
    batches = len(candidates.keys) // BATCH
    parts = np.split(np.arange(batches * BATCH), batches) if batches else []
    return Retrieved(
        np.concatenate([np.empty(0, np.int64), *(ranks(_cosines(candidates.take(part))) for part in parts)]),
        candidates.patients[: batches * BATCH],
    )


def ranks(cosines: NDArray[np.floating]) -> NDArray[np.int64]:
    """(n,), of films by reports (n, n): how many other reports are no farther from each film than its own.

    A tie counts against it, so that a model to which all reports are alike finds none.
    """
    nearer: NDArray[np.int64] = (cosines >= cosines.diagonal()[:, None]).sum(axis=1) - 1
    return nearer


def retrieval_scores(real: Retrieved, synthetic: Retrieved, row: Score) -> list[Score]:
    """A row for each of AT, otherwise like `row`; without a value where there is no whole batch.

    `ceiling` is the same of real films and reports, `floor` what chance finds. Intervals resample patients.
    """
    scores = []
    for at in AT:
        value = low = high = None
        if len(synthetic.ranks):
            found = synthetic.found(at)
            value = float(found.mean())
            low, high = bootstrap_mean(found, synthetic.patients)
        scores.append(
            replace(
                row,
                metric=f"retrieval_r{at}",
                value=value,
                low=low,
                high=high,
                floor=at / BATCH,
                n_floor=None,
                ceiling=float(real.found(at).mean()) if len(real.ranks) else None,
                n_real=len(real.ranks),
                n_synthetic=len(synthetic.ranks),
                note=f"among {BATCH} reports of different texts; {len(synthetic.ranks) // BATCH} batches",
            )
        )
    return scores


def _cosines(pairs: Pairs) -> NDArray[np.float64]:
    """(n, n): of films by reports."""
    cosines: NDArray[np.float64] = pairs.films.astype(np.float64) @ pairs.reports.T
    return cosines


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    unit: NDArray[np.float32] = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit
