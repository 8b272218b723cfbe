"""The records of a metadata.csv or metadata.parquet, each a dictionary of what its line says."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from diffcxr.errors import InputError

Record = dict[str, Any]
"""Column -> value; text from a CSV, anything from a Parquet file."""

WANTED = ("image", "text", "findings", "impression")
MAX_FIELD_CHARACTERS = 1 << 17
_BATCH_ROWS = 64  # Parquet tables may carry their images


def read_csv(file: BinaryIO, where: str) -> Iterator[Record | str]:
    """Yields a record a line, or the reason why a line is none; blank lines are nothing.

    UTF-8 with or without a byte order mark. Raises InputError without a header that names each column once,
    among them one of WANTED.
    """
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(text)
    header = _next_line(reader)
    if not isinstance(header, list) or not all(map(_is_text, header)) or len(set(header)) != len(header):
        raise InputError(
            "the table has no usable header", where, "Its first line names each column once, in UTF-8."
        )
    columns = [name.strip() for name in header]
    _check_columns(columns, where)
    while (line := _next_line(reader)) is not None:
        if isinstance(line, str):
            yield line
        elif len(line) != len(columns) and line:
            yield "ragged line"
        elif not all(map(_is_text, line)):
            yield "wrong encoding"
        elif line:
            yield dict(zip(columns, line, strict=True))


def read_parquet(file: BinaryIO, where: str) -> Iterator[Record | str]:
    """Yields a record a row, or the reason why it is none.

    Raises InputError where the file is no whole Parquet file, or has no column of WANTED.
    """
    try:
        table = pq.ParquetFile(file)
        _check_columns(table.schema_arrow.names, where)
        for batch in table.iter_batches(batch_size=_BATCH_ROWS):
            for number in range(batch.num_rows):
                yield _parquet_record(batch.slice(number, 1))
    except (pa.ArrowException, OSError) as error:
        raise InputError("the table is no whole Parquet file", where, "Fetch or write it again.") from error


def _parquet_record(row: pa.RecordBatch) -> Record | str:
    try:
        record: Record = row.to_pylist()[0]
    except UnicodeDecodeError:  # Arrow does not check its strings
        return "wrong encoding"
    return record


def _check_columns(columns: Sequence[str], where: str) -> None:
    if not set(WANTED) & set(columns):
        raise InputError("the table has neither images nor reports", where, f"Name a column one of {WANTED}.")


def _next_line(reader: Any) -> list[str] | str | None:
    """A line's fields, or the reason why it has none, or None at the end."""
    try:
        line: list[str] = next(reader)
    except StopIteration:
        return None
    except csv.Error as error:
        return (
            "field too large"
            if "field limit" in str(error) or "field larger" in str(error)
            else "damaged line"
        )
    return line


def _is_text(field: str) -> bool:
    return not any("\udc80" <= character <= "\udcff" for character in field)
