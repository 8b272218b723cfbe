"""The rows that Ray Data carries through an evaluation: slices of films to the actors, their evidence back.

Arrow in plain columns, so that no row is ever unpickled. An error for people is a row too, for Ray Data wraps
raised ones in its own and loses what they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cluster.evidence import Evidence
from cluster.film_slices import FilmSlice
from cluster.schema import ROW_SCHEMA
from cluster.storage_errors import MissingError, UnavailableError
from diffcxr.errors import DiffCXRError, IncompleteError, InputError, RefusedError
from eval.auc import ScoredFilms
from eval.feature_rows import FeatureRows
from eval.fid import Side
from eval.groups import GROUPS
from eval.moments import Moments
from eval.ms_ssim import Likeness, Sample

Row = dict[str, Any]

_ERRORS = {
    kind.__name__: kind
    for kind in (DiffCXRError, InputError, IncompleteError, RefusedError, MissingError, UnavailableError)
}
_NO_ERROR = {"error": "", "what": "", "where": "", "fix": ""}
# Every row of a kind has every column, and none of them is null: Ray Data puts rows together into blocks.
_NO_SLICE = {"number": -1, "side": "", "name": "", "films": b""}
_TABLES = {"sides": b"", "scored": b"", "rows": b"", "likeness": b"", "waiting": b""}
_NO_EVIDENCE = {"number": -1, "side": "", "films": 0, "unreadable": 0} | _TABLES

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


def slice_row(films: FilmSlice | DiffCXRError) -> Row:
    if isinstance(films, DiffCXRError):
        return _NO_SLICE | _error_columns(films)
    columns = {
        "patient": pa.array(films.patients, pa.uint64()),
        "key": pa.array(films.keys, pa.uint64()),
        "labels": pa.array(films.labels, ROW_SCHEMA.field("labels").type),
    }
    if films.images:
        columns["image"] = pa.array(films.images, pa.large_binary())  # a slice may pass 2 GiB
    told = {"number": films.number, "side": films.side, "name": films.name}
    return _NO_ERROR | told | {"films": _packed(pa.table(columns))}


def slice_of(row: Mapping[str, Any]) -> FilmSlice | DiffCXRError:
    """What `slice_row` was given."""
    if row["error"]:
        return _error_of(row)
    table = _unpacked(row["films"])
    return FilmSlice(
        number=row["number"],
        side=row["side"],
        name=row["name"],
        patients=table["patient"].to_numpy(),
        keys=table["key"].to_numpy(),
        labels=tuple(table["labels"].to_pylist()),
        images=tuple(table["image"].to_pylist()) if "image" in table.column_names else (),
    )


def evidence_row(found: tuple[int, str, Evidence] | DiffCXRError) -> Row:
    """The row of a slice's number, side and evidence."""
    if isinstance(found, DiffCXRError):
        return _NO_EVIDENCE | _error_columns(found)
    number, side, evidence = found
    states = [row for name, one in evidence.sides.items() for row in _moments_rows(name, one)]
    return _NO_ERROR | {
        "number": number,
        "side": side,
        "films": evidence.films,
        "unreadable": evidence.unreadable,
        "sides": _packed(pa.Table.from_pylist(states, schema=_MOMENTS)),
        "scored": _packed(_scored_table(evidence.scored)) if evidence.scored else b"",
        "rows": _packed(pa.Table.from_pylist(list(_feature_rows(evidence.rows)), schema=_ROWS)),
        **_likeness_tables(evidence.likeness),
    }


def evidence_of(row: Mapping[str, Any]) -> tuple[int, str, Evidence] | DiffCXRError:
    """What `evidence_row` was given, to the last bit; scored films are in one part."""
    if row["error"]:
        return _error_of(row)
    states: dict[str, list[Moments]] = {}
    for batch in _unpacked(row["sides"]).to_batches():
        for at, extractor in enumerate(batch["extractor"].to_pylist()):
            states.setdefault(extractor, []).append(_moments(batch, at))
    sides = {name: Side(tuple(all_[:GROUPS]), tuple(all_[GROUPS:])) for name, all_ in states.items()}
    scored = (_scored(_unpacked(row["scored"])),) if row["scored"] else ()
    rows: dict[str, tuple[FeatureRows, ...]] = {}
    for batch in _unpacked(row["rows"]).to_batches():
        for at, extractor in enumerate(batch["extractor"].to_pylist()):
            rows[extractor] = (*rows.get(extractor, ()), _features(batch, at))
    likeness = _likeness(_unpacked(row["likeness"]), _unpacked(row["waiting"]))
    evidence = Evidence(sides, scored, rows, likeness, row["films"], row["unreadable"])
    return row["number"], row["side"], evidence


def _moments_rows(extractor: str, side: Side) -> Iterator[Row]:
    for state in (*side.groups, *side.sets):
        yield {
            "extractor": extractor,
            "dimension": state.dimension,
            "folded": state.folded,
            "mean": state.mean,
            "scatter": None if state.scatter is None else state.scatter.reshape(-1),
            "pending": np.concatenate(state.pending).reshape(-1) if state.pending else None,
        }


def _moments(batch: pa.RecordBatch, at: int) -> Moments:
    dimension = batch["dimension"][at].as_py()
    mean, scatter, pending = (_numbers(batch[name][at]) for name in ("mean", "scatter", "pending"))
    return Moments(
        dimension,
        batch["folded"][at].as_py(),
        mean,
        None if scatter is None else scatter.reshape(dimension, dimension),
        () if pending is None else (pending.reshape(-1, dimension),),
    )


def _numbers(cell: pa.ListScalar) -> NDArray[Any] | None:
    return None if cell.values is None else cell.values.to_numpy()


def _feature_rows(rows: Mapping[str, tuple[FeatureRows, ...]]) -> Iterator[Row]:
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


def _likeness_tables(state: Likeness) -> Row:
    complete = {"prompt": state.prompts, "patient": state.patients, "value": state.values}
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
        "likeness": _packed(pa.table(complete | {"resized": pa.array(state.resized, pa.bool_())})),
        "waiting": _packed(pa.Table.from_pylist(waiting, schema=_WAITING)),
    }


def _likeness(complete: pa.Table, waiting: pa.Table) -> Likeness:
    prompts, patients, values = (complete[name].to_numpy() for name in ("prompt", "patient", "value"))
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
    return Likeness(prompts, patients, values, resized, tuple(samples))


def _scored_table(parts: tuple[ScoredFilms, ...]) -> pa.Table:
    def matrix(rows: NDArray[Any]) -> pa.FixedSizeListArray:
        return pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])

    return pa.table(
        {
            "scores": matrix(np.concatenate([part.scores for part in parts])),
            "truth": matrix(np.concatenate([part.truth for part in parts])),
            "patient": np.concatenate([part.patients for part in parts]),
            "key": np.concatenate([part.keys for part in parts]),
        }
    )


def _scored(table: pa.Table) -> ScoredFilms:
    def matrix(name: str) -> NDArray[Any]:
        flat: NDArray[Any] = table[name].combine_chunks().flatten().to_numpy()
        return flat.reshape(table.num_rows, table.schema.field(name).type.list_size)

    return ScoredFilms(
        matrix("scores"), matrix("truth"), table["patient"].to_numpy(), table["key"].to_numpy()
    )


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _unpacked(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()


def _error_columns(error: DiffCXRError) -> Row:
    return {"error": type(error).__name__, "what": error.what, "where": error.where, "fix": error.fix}


def _error_of(row: Mapping[str, Any]) -> DiffCXRError:
    return _ERRORS[row["error"]](row["what"], row["where"], row["fix"])
