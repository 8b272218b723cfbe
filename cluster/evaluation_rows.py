"""The rows that Ray Data carries through an evaluation: slices of films to the actors, their evidence back.

Arrow in plain columns, so that no row is ever unpickled. An error for people is a row too, for Ray Data wraps
raised ones in its own and loses what they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from cluster.evidence import Evidence
from cluster.evidence_tables import NO_TABLES, evidence_from, packed, tables_of, unpacked
from cluster.film_slices import FilmSlice
from cluster.schema import ROW_SCHEMA
from cluster.storage_errors import (
    BrokenOffError,
    CredentialsError,
    DiskFullError,
    MissingError,
    UnavailableError,
)
from diffcxr.errors import DiffCXRError, FailingError, IncompleteError, InputError, RefusedError

Row = dict[str, Any]

_KINDS = (
    DiffCXRError,
    InputError,
    IncompleteError,
    FailingError,
    RefusedError,
    MissingError,
    UnavailableError,
)
_ERRORS = {kind.__name__: kind for kind in (*_KINDS, BrokenOffError, CredentialsError, DiskFullError)}
_NO_ERROR = {"error": "", "what": "", "where": "", "fix": ""}
# Every row of a kind has every column, and none of them is null: Ray Data puts rows together into blocks.
_NO_SLICE = {"number": -1, "side": "", "name": "", "films": b""}
_NO_EVIDENCE = {"number": -1, "side": "", "films": 0, "unreadable": 0} | NO_TABLES


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
    if films.texts:
        columns["text"] = pa.array(films.texts, pa.string())
    told = {"number": films.number, "side": films.side, "name": films.name}
    return _NO_ERROR | told | {"films": packed(pa.table(columns))}


def slice_of(row: Mapping[str, Any]) -> FilmSlice | DiffCXRError:
    """What `slice_row` was given."""
    if row["error"]:
        return _error_of(row)
    table = unpacked(row["films"])
    return FilmSlice(
        number=row["number"],
        side=row["side"],
        name=row["name"],
        patients=table["patient"].to_numpy(),
        keys=table["key"].to_numpy(),
        labels=tuple(table["labels"].to_pylist()),
        images=tuple(table["image"].to_pylist()) if "image" in table.column_names else (),
        texts=tuple(table["text"].to_pylist()) if "text" in table.column_names else (),
    )


def evidence_row(found: tuple[int, str, Evidence] | DiffCXRError) -> Row:
    """The row of a slice's number, side and evidence."""
    if isinstance(found, DiffCXRError):
        return _NO_EVIDENCE | _error_columns(found)
    number, side, evidence = found
    columns = {"number": number, "side": side, "films": evidence.films, "unreadable": evidence.unreadable}
    return _NO_ERROR | columns | tables_of(evidence)


def evidence_of(row: Mapping[str, Any]) -> tuple[int, str, Evidence] | DiffCXRError:
    """What `evidence_row` was given, to the last bit; scored films are in one part."""
    if row["error"]:
        return _error_of(row)
    return row["number"], row["side"], evidence_from(row, row["films"], row["unreadable"])


def _error_columns(error: DiffCXRError) -> Row:
    return {"error": type(error).__name__, "what": error.what, "where": error.where, "fix": error.fix}


def _error_of(row: Mapping[str, Any]) -> DiffCXRError:
    return _ERRORS[row["error"]](row["what"], row["where"], row["fix"])
