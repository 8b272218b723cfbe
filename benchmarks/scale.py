"""What the states of a corpus cost as it grows: FID, Vendi and mAUC of 2048 features, merged slice by slice.

Slices of 128 films arrive as a driver gets them from its actors, each with arrays of its own. A row counts
four times: in its group of patients and in a half of the floor for FID, in its group and among the matched
films for Vendi. At the end nothing is pending, so that few rows are paid for as many are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.alone import Run, alone
from benchmarks.result import at_most, parse_arguments, write_result
from cluster.film_slices import SLICE
from eval import vendi
from eval.auc import ScoredFilms, merge_all
from eval.fid import Side, merge_sides, update_side
from eval.groups import groups
from eval.moments import fold
from eval.vendi import Variety

_GIB, _GROWTH = 2.0, 1.1  # the bars: memory, and a row's cost among the most over that among the fewest
_FINDINGS = 14


@dataclass(frozen=True, slots=True)
class Slice:
    features: NDArray[np.float32]  # (n, d)
    scored: ScoredFilms


def main() -> None:
    arguments = parse_arguments(__doc__ or "")
    dimension, sizes = (
        (256, (10_000, 30_000, 100_000)) if arguments.quick else (2048, (10_000, 100_000, 1_000_000))
    )
    runs = {rows: alone(states_of, rows, dimension) for rows in sizes}
    costs = {rows: run.seconds / rows for rows, run in runs.items()}
    fewest, most = sizes[0], sizes[-1]
    write_result(
        "scale",
        [
            at_most(f"memory of the states of {most:,} rows, GiB", runs[most].gib, _GIB),
            at_most(
                f"cost of a row of {most:,} over one of {fewest:,}", costs[most] / costs[fewest], _GROWTH
            ),
        ],
        arguments.output,
        dimension=dimension,
        runs={str(rows): _told(run, costs[rows]) for rows, run in runs.items()},
    )


def states_of(rows: int, dimension: int) -> Callable[[], list[int]]:
    """Merges the states of so many rows; gives how many films each of them has seen."""

    def merge() -> list[int]:
        side, variety, scored = Side.empty(dimension), Variety.empty(dimension), []
        for one in slices(rows, dimension):
            members = groups(one.scored.patients)
            part = update_side(Side.empty(dimension), one.features, members, members % 2)
            side = merge_sides(side, part)
            everything = np.ones(len(members), np.bool_)
            variety = vendi.update_variety(variety, one.features, members, everything)
            scored.append(one.scored)
        return [
            sum(fold(state).folded for state in (*side.groups, *side.sets)) // 2,
            sum(vendi.fold(state).folded for state in (*variety.groups, variety.matched)) // 2,
            len(merge_all(scored, _FINDINGS).keys),
        ]

    return merge


def slices(rows: int, dimension: int) -> Iterator[Slice]:
    """Features like a network's, each slice's in memory of its own, of films with two to a patient."""
    rng = np.random.default_rng(0)
    drawn = np.maximum(rng.normal(0.3, 1, (4 * SLICE, dimension)), 0).astype(np.float32)
    for first in range(0, rows, SLICE):
        count = min(SLICE, rows - first)
        keys = rng.integers(2**63, size=count, dtype=np.uint64)
        patients = np.repeat(rng.integers(2**63, size=-(-count // 2), dtype=np.uint64), 2)[:count]
        scores = rng.random((count, _FINDINGS), np.float32)
        truth = (rng.random((count, _FINDINGS)) < 0.1).astype(np.int8)
        features = drawn[rng.integers(len(drawn), size=count)] * np.float32(1 + first / rows)
        yield Slice(features, ScoredFilms(scores, truth, patients, keys))


def _told(run: Run, cost: float) -> dict[str, object]:
    return {"seconds": run.seconds, "microseconds a row": 1e6 * cost, "gib": run.gib, "films": run.value}


if __name__ == "__main__":
    main()
