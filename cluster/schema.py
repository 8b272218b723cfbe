"""The columns of a corpus (DESIGN 3): rows to an Arrow table and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields

import pyarrow as pa

from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14, Labels
from diffcxr.sources.row import Row

SCHEMA_VERSION = 1


def _column(name: str, kind: pa.DataType, nullable: bool = True) -> pa.Field:
    return pa.field(name, kind, nullable=nullable)


_COLUMNS = (
    _column("report_id", pa.string(), nullable=False),
    _column("sample_index", pa.int32(), nullable=False),
    _column("patient_id", pa.string()),
    _column("text", pa.string(), nullable=False),
    _column("findings", pa.string()),
    _column("impression", pa.string()),
    _column("labels", pa.struct([(name, pa.int8()) for name in CHEXPERT_14])),
    _column("view", pa.string()),
    _column("sex", pa.string()),
    _column("age", pa.float32()),
    _column("split", pa.string()),
    _column("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
    _column("seed", pa.int64()),
    _column("truth", pa.string()),
)


def _hugging_face_features() -> dict[str, object]:
    """The `datasets` feature of each column: with it `load_dataset("parquet", ...)` shows images."""

    def feature(kind: pa.DataType) -> dict[str, object]:
        if pa.types.is_struct(kind):
            return {child.name: feature(child.type) for child in kind}
        return {"dtype": {"float": "float32"}.get(str(kind), str(kind)), "_type": "Value"}

    return {c.name: {"_type": "Image"} if c.name == "image" else feature(c.type) for c in _COLUMNS}


ROW_SCHEMA = pa.schema(
    _COLUMNS,
    metadata={"huggingface": json.dumps({"info": {"features": _hugging_face_features()}}, sort_keys=True)},
)
"""DESIGN 3's columns, then `truth`: a phantom row's drawn study as JSON, null elsewhere."""

_PLAIN = tuple(f.name for f in fields(Row) if f.name not in ("image", "image_path"))


def table_from_rows(rows: Sequence[Row]) -> pa.Table:
    """The rows, in order, as a table of ROW_SCHEMA. Raises InputError for a value that no column can hold."""
    columns: dict[str, list[object]] = {name: [getattr(row, name) for row in rows] for name in _PLAIN}
    columns["image"] = [
        None if row.image is None else {"bytes": row.image, "path": row.image_path} for row in rows
    ]
    try:
        arrays = [pa.array(columns[field.name], type=field.type) for field in ROW_SCHEMA]
        table = pa.Table.from_arrays(arrays, schema=ROW_SCHEMA)
        for field in ROW_SCHEMA:
            if not field.nullable and table[field.name].null_count:  # Arrow itself does not look
                raise ValueError(field.name)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, ValueError) as error:
        what = f"a row does not fit the corpus schema ({type(error).__name__})"
        raise InputError(what, "", "See docs/architecture.md for the columns and their types.") from error
    return table


def rows_from_table(table: pa.Table) -> Iterator[Row]:
    """The rows of a table of ROW_SCHEMA, or of a part of its columns that has report_id and text."""
    absent = set(_PLAIN) - set(table.column_names)
    for record in table.to_pylist():
        image = record.get("image") or {}
        labels: Labels | None = record.get("labels")
        values = {name: record[name] for name in _PLAIN if name not in absent and name != "labels"}
        yield Row(**values, labels=labels, image=image.get("bytes"), image_path=image.get("path"))


def check_schema(schema: pa.Schema, where: str) -> None:
    """Raises InputError unless the columns are ROW_SCHEMA's, by name, order and type."""
    if not schema.equals(ROW_SCHEMA, check_metadata=False):
        missing = sorted(set(ROW_SCHEMA.names) - set(schema.names))
        what = (
            f"columns missing: {', '.join(missing)}" if missing else "columns differ from the corpus schema"
        )
        raise InputError(what, where, "Write it with `diffcxr corpus`, of this version.")
