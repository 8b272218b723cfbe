"""The states that make evidence, as Arrow tables and back to the last bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cluster.evidence import Evidence
from cluster.packed_tables import packed, unpacked
from eval.alignment import Alignment, Cosines
from eval.auc import ScoredFilms
from eval.feature_rows import FeatureRows
from eval.fid import Side
from eval.groups import GROUPS
from eval.moments import Moments
from eval.ms_ssim import REFLECTED, VALID, Likeness, Sample
from eval.retrieval import Candidates, Pairs

Tables = dict[str, bytes]
NO_TABLES: Tables = {
    "sides": b"", "scored": b"", "rows": b"", "likeness": b"", "waiting": b"", "cosines": b"", "pairs": b"",
}  # fmt: skip
_Row = dict[str, Any]

_MOMENTS = pa.schema(
    {
        "extractor": pa.string(),  # GROUPS groups, then the sets, for each
        "dimension": pa.int64(),
        "folded": pa.int64(),
        "mean": pa.list_(pa.float64()),
        "scatter": pa.list_(pa.float64()),
        "pending": pa.list_(pa.float32()),
    }
)
_ROWS = pa.schema(
    {
        "extractor": pa.string(),
        "dimension": pa.int64(),
        "features": pa.list_(pa.float32()),
        "patients": pa.list_(pa.uint64()),
        "keys": pa.list_(pa.uint64()),
    }
)
_WAITING = pa.schema(
    {
        "prompt": pa.uint64(),
        "patient": pa.uint64(),
        "index": pa.int64(),
        "width": pa.int64(),
        "film": pa.binary(),
    }
)


def tables_of(evidence: Evidence) -> Tables:
    """The states of evidence: the columns of NO_TABLES, each packed."""
    states = [row for name, one in evidence.sides.items() for row in _moments_rows(name, one)]
    return {
        "sides": packed(pa.Table.from_pylist(states, schema=_MOMENTS)),
        "scored": packed(_scored_table(evidence.scored)) if evidence.scored else b"",
        "rows": packed(pa.Table.from_pylist(list(_feature_rows(evidence.rows)), schema=_ROWS)),
        **_likeness_tables(evidence.likeness),
        **_alignment_tables(evidence.alignment),
    }


def evidence_from(tables: Mapping[str, Any], films: int, unreadable: int) -> Evidence:
    """What `tables_of` was given; scored films are in one part."""
    states: dict[str, list[Moments]] = {}
    for batch in unpacked(tables["sides"]).to_batches():
        for at, extractor in enumerate(batch["extractor"].to_pylist()):
            states.setdefault(extractor, []).append(_moments(batch, at))
    sides = {name: Side(tuple(all_[:GROUPS]), tuple(all_[GROUPS:])) for name, all_ in states.items()}
    scored = (_scored(unpacked(tables["scored"])),) if tables["scored"] else ()
    rows: dict[str, tuple[FeatureRows, ...]] = {}
    for batch in unpacked(tables["rows"]).to_batches():
        for at, extractor in enumerate(batch["extractor"].to_pylist()):
            rows[extractor] = (*rows.get(extractor, ()), _features(batch, at))
    likeness = _likeness(unpacked(tables["likeness"]), unpacked(tables["waiting"]))
    return Evidence(sides, scored, rows, likeness, films, unreadable, _alignment(tables))


def _moments_rows(extractor: str, side: Side) -> Iterator[_Row]:
    for state in (*side.groups, *side.sets):
        yield {
            "extractor": extractor,
            "dimension": state.dimension,
            "folded": state.folded,
            "mean": state.mean,
            "scatter": state.scatter,
            "pending": np.concatenate(state.pending).reshape(-1) if state.pending else None,
        }


def _moments(batch: pa.RecordBatch, at: int) -> Moments:
    dimension = batch["dimension"][at].as_py()
    mean, scatter, pending = (_numbers(batch[name][at]) for name in ("mean", "scatter", "pending"))
    return Moments(
        dimension,
        batch["folded"][at].as_py(),
        mean,
        scatter,
        () if pending is None else (pending.reshape(-1, dimension),),
    )


def _numbers(cell: pa.ListScalar) -> NDArray[Any] | None:
    return None if cell.values is None else cell.values.to_numpy()


def _feature_rows(rows: Mapping[str, tuple[FeatureRows, ...]]) -> Iterator[_Row]:
    for extractor, parts in rows.items():
        for part in parts:
            yield {
                "extractor": extractor,
                "dimension": part.features.shape[1],
                "features": part.features.reshape(-1),
                "patients": part.patients,
                "keys": part.keys,
            }


def _features(batch: pa.RecordBatch, at: int) -> FeatureRows:
    flat, patients, keys = (batch[name][at].values.to_numpy() for name in ("features", "patients", "keys"))
    return FeatureRows(flat.reshape(-1, batch["dimension"][at].as_py()), patients, keys)


def _likeness_tables(state: Likeness) -> Tables:
    complete = {
        "prompt": pa.array(state.prompts, pa.uint64()),
        "patient": pa.array(state.patients, pa.uint64()),
        "value": pa.array(state.values[:, REFLECTED], pa.float64()),
        "valid": pa.array(state.values[:, VALID], pa.float64()),
        "resized": pa.array(state.resized, pa.bool_()),
    }
    waiting = [
        {
            "prompt": sample.prompt,
            "patient": sample.patient,
            "index": sample.index,
            "width": sample.film.shape[1],
            "film": sample.film.tobytes(),
        }
        for sample in state.waiting
    ]
    return {
        "likeness": packed(pa.table(complete)),
        "waiting": packed(pa.Table.from_pylist(waiting, schema=_WAITING)),
    }


def _likeness(complete: pa.Table, waiting: pa.Table) -> Likeness:
    prompts, patients, *values = (
        complete[name].to_numpy() for name in ("prompt", "patient", "value", "valid")
    )
    resized = complete["resized"].to_numpy().astype(np.bool_)
    samples = (
        Sample(
            row["prompt"],
            row["patient"],
            row["index"],
            np.frombuffer(row["film"], np.uint8).reshape(-1, row["width"]),
        )
        for row in waiting.to_pylist()
    )
    return Likeness(prompts, patients, np.stack(values, axis=1), resized, tuple(samples))


def _alignment_tables(state: Alignment | None) -> Tables:
    if state is None:
        return {"cosines": b"", "pairs": b""}
    cosines, pairs = state.ordered(), state.candidates.chosen()
    return {
        "cosines": packed(
            pa.table({"value": cosines.values, "patient": cosines.patients, "key": cosines.keys})
        ),
        "pairs": packed(
            pa.table(
                {
                    "film": _matrix(pairs.films),
                    "report": _matrix(pairs.reports),
                    "patient": pairs.patients,
                    "key": pairs.keys,
                    "text": pairs.texts,
                }
            )
        ),
    }


def _alignment(tables: Mapping[str, Any]) -> Alignment | None:
    if not tables["pairs"]:
        return None
    cosines, pairs = unpacked(tables["cosines"]), unpacked(tables["pairs"])
    numbers = [pairs[name].to_numpy() for name in ("patient", "key", "text")]
    films, reports = _rows_of(pairs, "film"), _rows_of(pairs, "report")
    return Alignment(
        Candidates(films.shape[1], (Pairs(films, reports, *numbers),)),
        (Cosines(*(cosines[name].to_numpy() for name in ("value", "patient", "key"))),),
    )


def _matrix(rows: NDArray[Any]) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])


def _rows_of(table: pa.Table, name: str) -> NDArray[Any]:
    flat: NDArray[Any] = table[name].combine_chunks().flatten().to_numpy()
    return flat.reshape(table.num_rows, table.schema.field(name).type.list_size)


def _scored_table(parts: tuple[ScoredFilms, ...]) -> pa.Table:
    return pa.table(
        {
            "scores": _matrix(np.concatenate([part.scores for part in parts])),
            "truth": _matrix(np.concatenate([part.truth for part in parts])),
            "patient": np.concatenate([part.patients for part in parts]),
            "key": np.concatenate([part.keys for part in parts]),
        }
    )


def _scored(table: pa.Table) -> ScoredFilms:
    return ScoredFilms(
        _rows_of(table, "scores"),
        _rows_of(table, "truth"),
        table["patient"].to_numpy(),
        table["key"].to_numpy(),
    )
