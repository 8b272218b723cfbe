"""Filterings as the page shows them: a row a round with its scores, and films to look at."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cluster.removed_films import EXAMPLES_PATH, ROUNDS_PATH, SCORES_PATH, Key
from cluster.run_record import read_record
from cluster.storage import Storage
from cluster.storage_errors import MissingError
from diffcxr.errors import InputError
from diffcxr.filtering.examples import Group
from diffcxr.filtering.rounds import Round
from jobs.page.axis import Axis, axis_over

# Shapes: n films.

STAGE = "training/filter"
_FIX = "Filter the corpus again into a new output, or take this one away."
_BIN = 0.5  # standard deviations; thresholds are whole numbers, so that no bar lies on both sides of one
_ENDS = (-8.0, 24.0)  # beyond them scores stand at the ends: a few absurd films would squash all others


@dataclass(frozen=True, slots=True)
class ScoredFilm:
    """A film by its key, with its score."""

    key: Key
    score: float


@dataclass(frozen=True, slots=True)
class Example:
    """A film worth a look, and the nearest film of either fate; None where no film had it."""

    film: ScoredFilm
    group: Group
    clean: ScoredFilm | None
    anomalous: ScoredFilm | None


@dataclass(frozen=True, slots=True)
class Filtered:
    """What `train stage=filter` left in a folder."""

    label: str
    corpus: str  # digest of the corpus that was filtered
    data: str | None  # where it was then
    films: int
    rounds: tuple[Round, ...]
    history: tuple[NDArray[np.float64], ...]  # (n,) scores of each round
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """Films of one bin of scores; `height` is of the plot's, by the logarithm of `films`."""

    left: str
    width: str
    height: float  # per cent
    removed: bool
    films: int


@dataclass(frozen=True, slots=True)
class RoundView:
    round: Round
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class FilteringView:
    name: str
    caption: str
    axis: Axis
    rounds: tuple[RoundView, ...]


def read_filtering(place: Storage, label: str) -> Filtered:
    """The finished filtering in a folder. Raises InputError where a file of it cannot be read."""
    record = read_record(place.child(STAGE))
    rounds, examples = _json(place, ROUNDS_PATH), _json(place, EXAMPLES_PATH)
    where = place.child(ROUNDS_PATH).uri
    try:
        films = int(rounds[0]["films"])
        told = tuple(Round(**{k: v for k, v in one.items() if k != "films"}) for one in rounds)
        where = place.child(EXAMPLES_PATH).uri
        shown = tuple(_example(one) for one in examples)
    except (TypeError, KeyError, IndexError, ValueError, AttributeError) as error:
        raise InputError("not what a filtering writes", where, _FIX) from error
    digest = str(record.plan.get("corpus", "")) if record is not None else ""
    return Filtered(label, digest, _data(place), films, told, _history(place, len(told)), shown)


def view_filtering(found: Filtered) -> FilteringView:
    """The rounds, each with a histogram of its scores on one axis and one scale."""
    ends = [min(max(float(end), _ENDS[0]), _ENDS[1]) for h in found.history for end in (h.min(), h.max())]
    axis = axis_over(ends, include=(0.0, *(one.threshold for one in found.rounds)))
    edges = np.arange(axis.low, axis.high + _BIN / 2, _BIN)
    counts = [np.histogram(h.clip(axis.low, axis.high), edges)[0] for h in found.history]
    most = max(int(count.max()) for count in counts)
    last = found.rounds[-1]
    share = last.removed / found.films
    beyond = any(h.min() < axis.low or h.max() > axis.high for h in found.history)
    caption = (
        f"{last.removed:,} of {found.films:,} films ({share:.1%}) do not belong. Scores are in standard "
        "deviations of the ordinary films; bars are as high as the logarithm of how many films they hold."
        + (" Those beyond an end stand at it." if beyond else "")
    )
    rounds = tuple(
        RoundView(one, tuple(_bars(axis, edges, count, most, one.threshold)))
        for one, count in zip(found.rounds, counts, strict=True)
    )
    return FilteringView(found.label, caption, axis, rounds)


def _bars(
    axis: Axis, edges: NDArray[np.float64], counts: NDArray[np.intp], most: int, threshold: float
) -> Sequence[Bar]:
    scale = np.log1p(counts) / np.log1p(most) * 100
    return [
        Bar(axis.at(low), axis.span(low, high), round(float(height), 1), low >= threshold, int(films))
        for low, high, height, films in zip(edges[:-1], edges[1:], scale, counts, strict=True)
        if films
    ]


def _example(one: dict[str, Any]) -> Example:
    group = cast(Group, one["group"])
    if group not in get_args(Group):
        raise ValueError(group)
    kept, removed = one["nearest_kept"][:1], one["nearest_removed"][:1]
    return Example(
        _scored(one), group, *(_scored(nearest[0]) if nearest else None for nearest in (kept, removed))
    )


def _scored(film: dict[str, Any]) -> ScoredFilm:
    return ScoredFilm((str(film["report_id"]), int(film["sample_index"])), float(film["score"]))


def _history(place: Storage, rounds: int) -> tuple[NDArray[np.float64], ...]:
    """Scores (n,) of each round. Raises InputError where they cannot be read or are of other rounds."""
    where = place.child(SCORES_PATH).uri
    try:
        column = pq.read_table(io.BytesIO(place.read(SCORES_PATH)), columns=["history"])["history"]
        flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        by_film: NDArray[np.float64] = flat.reshape(len(column), rounds)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise InputError("the scores cannot be read", where, _FIX) from error
    return tuple(by_film.T)


def _data(place: Storage) -> str | None:
    """Where the corpus lay, by the stage's summary; None where that was interrupted before it was written."""
    try:
        data = _json(place, f"{STAGE}/summary.json").get("data")
    except (MissingError, AttributeError):
        return None
    return data if isinstance(data, str) else None


def _json(place: Storage, path: str) -> Any:
    try:
        return json.loads(place.read(path))
    except ValueError as error:
        raise InputError("not JSON", place.child(path).uri, _FIX) from error
