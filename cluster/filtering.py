"""A corpus's films scored by how strange they are, and the corpus without the strangest."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cluster.removed_films import EXAMPLES_PATH, ROUNDS_PATH, SCORES_PATH, Key
from diffcxr.filtering.examples import Neighbour, choose_examples
from diffcxr.filtering.rounds import Filtering, filter_features

# Shapes: n films, F features.

_SCHEMA = pa.schema(
    [
        pa.field("report_id", pa.string(), nullable=False),
        pa.field("sample_index", pa.int32(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("removed", pa.bool_(), nullable=False),
        pa.field("round", pa.int32()),  # from which on the film is removed; null where it is kept
        pa.field("history", pa.list_(pa.float64()), nullable=False),  # scores by round; `score` is the last
    ]
)


@dataclass(frozen=True, eq=False)
class FilmFeatures:
    """Which films were read, and what their latents look like."""

    keys: list[Key]
    features: NDArray[np.float32]  # (n, F); (0, 0) where there are no films

    @classmethod
    def join(cls, parts: Iterable[FilmFeatures]) -> FilmFeatures:
        """All of them in the order of their keys, which leaves nothing to how a corpus is cut or sorted."""
        parts = [part for part in parts if part.keys]
        if not parts:
            return cls([], np.empty((0, 0), np.float32))
        keys = [key for part in parts for key in part.keys]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        return cls([keys[row] for row in order], np.concatenate([part.features for part in parts])[order])


def filter_films(films: FilmFeatures) -> tuple[Filtering, dict[str, bytes]]:
    """The filtering of the films, and the objects that say so, by path: scores, rounds and examples."""
    found = filter_features(films.features)
    rounds = [{"films": len(films.keys), **asdict(one)} for one in found.rounds]
    objects = {
        SCORES_PATH: _encode_scores(films.keys, found),
        ROUNDS_PATH: _encode_json(rounds),
        EXAMPLES_PATH: _encode_json(_examples(films.keys, found)),
    }
    return found, objects


def _examples(keys: list[Key], found: Filtering) -> list[dict[str, object]]:
    """Films to look at, each with its group and its neighbours (diffcxr/filtering/examples.py)."""

    def film(row: int) -> dict[str, object]:
        report_id, sample_index = keys[row]
        score = round(float(found.scores[row]), 4)
        return {"report_id": report_id, "sample_index": sample_index, "score": score}

    def neighbours(nearest: tuple[Neighbour, ...]) -> list[dict[str, object]]:
        return [{**film(one.film), "distance": round(one.distance, 4)} for one in nearest]

    return [
        {
            **film(example.film),
            "group": example.group,
            "nearest_kept": neighbours(example.nearest_kept),
            "nearest_removed": neighbours(example.nearest_removed),
        }
        for example in choose_examples(found)
    ]


def _encode_json(value: object) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def _encode_scores(keys: list[Key], found: Filtering) -> bytes:
    rounds = len(found.history)
    history = np.stack(found.history, axis=1)  # (n, rounds)
    table = pa.table(
        {
            "report_id": [report_id for report_id, _ in keys],
            "sample_index": [sample_index for _, sample_index in keys],
            "score": found.scores,
            "removed": found.removed,
            "round": pa.array(found.since, mask=found.since < 0),
            "history": pa.ListArray.from_arrays(
                pa.array(np.arange(len(keys) + 1) * rounds, pa.int32()), pa.array(history.ravel())
            ),
        },
    ).cast(_SCHEMA)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
