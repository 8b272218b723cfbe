"""Films to look at: the strangest, the doubtful, and what each of them resembles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diffcxr.filtering.rounds import Filtering

# Shapes: n films, F features.

Group = Literal["strangest", "removed", "kept", "changed"]
A_GROUP = 12
NEIGHBOURS = 3
_CHUNK = 1 << 16  # films whose differences are held in memory at once


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A film near another one."""

    film: int  # its row
    distance: float  # root mean square over the features, in robust standard deviations of ordinary films


@dataclass(frozen=True, slots=True)
class Example:
    """A film that is worth a look."""

    film: int  # its row
    group: Group
    nearest_kept: tuple[Neighbour, ...]  # the clean films that it resembles most, nearest first
    nearest_removed: tuple[Neighbour, ...]  # the anomalous ones


def choose_examples(found: Filtering) -> tuple[Example, ...]:
    """At most A_GROUP films of each group, by falling score, each with NEIGHBOURS neighbours of either fate.

    `strangest` are the removed films of the highest scores, `removed` those of the lowest among the other
    removed films, `kept` the kept ones of the highest. `changed` are films that some round kept and the last
    one removes, or the other way round: all, or those of the highest and of the lowest scores; they may be of
    another group, too. Films that tie stand in the order of their rows.
    """
    order = np.argsort(-found.scores, kind="stable")
    removed, kept = order[found.removed[order]], order[~found.removed[order]]
    changed = order[_changed(found)[order]]
    if len(changed) > A_GROUP:
        changed = np.concatenate([changed[: A_GROUP // 2], changed[-(A_GROUP // 2) :]])
    groups: dict[Group, NDArray[np.intp]] = {
        "strangest": removed[:A_GROUP],
        "removed": removed[A_GROUP:][-A_GROUP:],
        "kept": kept[:A_GROUP],
        "changed": changed,
    }
    return tuple(_example(found, int(film), group) for group, films in groups.items() for film in films)


def _changed(found: Filtering) -> NDArray[np.bool_]:
    """Which films (n,) had another fate than their last in some round."""
    changed = np.zeros(len(found.removed), np.bool_)
    for one, scores in zip(found.rounds, found.history, strict=True):
        changed |= (scores > one.threshold) != found.removed
    return changed


def _example(found: Filtering, film: int, group: Group) -> Example:
    distances = _distances(found.standard, film)
    nearest = np.argsort(distances, kind="stable")
    nearest = nearest[nearest != film]
    kept, removed = (nearest[found.removed[nearest] == fate][:NEIGHBOURS] for fate in (False, True))
    return Example(
        film,
        group,
        tuple(Neighbour(int(row), float(distances[row])) for row in kept),
        tuple(Neighbour(int(row), float(distances[row])) for row in removed),
    )


def _distances(standard: NDArray[np.float32], film: int) -> NDArray[np.float64]:
    """Root mean square differences (n,) of films (n, F) from one of them: differences, so that copies tie."""
    squared = [
        np.square(standard[start : start + _CHUNK] - standard[film]).mean(axis=1, dtype=np.float64)
        for start in range(0, len(standard), _CHUNK)
    ]
    distances: NDArray[np.float64] = np.sqrt(np.concatenate(squared))
    return distances
