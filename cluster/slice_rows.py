"""The rows that Ray Data carries to the measurers: slices of films, and errors for people.

Arrow in plain columns, so that no row is ever unpickled. An error is a row too, for Ray Data wraps raised
ones in its own and loses what they were. A process that reads imports no torch, which takes longer than a
shard's films do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from cluster.film_slices import FilmSlice, Selection, read_slices
from cluster.packed_tables import packed, unpacked
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
NO_ERROR: Row = {"error": "", "what": "", "where": "", "fix": ""}

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
# Every row of a kind has every column, and none of them is null: Ray Data puts rows together into blocks.
_NO_SLICE = {"number": -1, "side": "", "name": "", "films": b""}


def read_rows(selections: Mapping[str, Selection], shard: Mapping[str, Any]) -> list[Row]:
    """The slices of a shard from its column `skip` on, or the error that there was."""
    try:
        slices = read_slices(
            selections[shard["side"]],
            shard["side"],
            shard["shard"],
            shard["first"],
            images=shard["images"],
            texts=shard["texts"],
        )
    except DiffCXRError as error:
        return [slice_row(error)]
    return [slice_row(films) for films in slices[shard["skip"] :]]


def slice_row(films: FilmSlice | DiffCXRError) -> Row:
    if isinstance(films, DiffCXRError):
        return _NO_SLICE | error_columns(films)
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
    return NO_ERROR | told | {"films": packed(pa.table(columns))}


def slice_of(row: Mapping[str, Any]) -> FilmSlice | DiffCXRError:
    """What `slice_row` was given."""
    if row["error"]:
        return error_of(row)
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


def error_columns(error: DiffCXRError) -> Row:
    return {"error": type(error).__name__, "what": error.what, "where": error.where, "fix": error.fix}


def error_of(row: Mapping[str, Any]) -> DiffCXRError:
    return _ERRORS[row["error"]](row["what"], row["where"], row["fix"])
