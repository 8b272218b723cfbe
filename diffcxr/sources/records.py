"""The records of a table, CSV (also gzipped) or Parquet, each a dictionary of what its line says."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from diffcxr.errors import InputError
from diffcxr.sources.files import Files

Record = dict[str, Any]
"""Column -> value; text from a CSV, anything from a Parquet file."""

Needs = Sequence[str | tuple[str, ...]]
"""The columns that a table must have; of a tuple, one."""

MAX_FIELD_CHARACTERS = 1 << 17
_BUFFER = 1 << 20  # bytes
_BATCH_ROWS = 64  # Parquet tables may carry their images


def read_table(files: Files, names: Sequence[str], needs: Needs, fix: str) -> Iterator[Record | str]:
    """Yields the records of the first of the CSV files `names` that is there, plain or as <name>.gz.

    Raises InputError where none is (it ends in `fix`), and, as `read_csv` does, where that one is damaged.
    """
    for path in (f"{name}{suffix}" for name in names for suffix in ("", ".gz")):
        try:
            file = files.open(path)
        except FileNotFoundError:
            continue
        where = f"{files.root}/{path}"
        try:
            with file:
                unzipped = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if path.endswith(".gz") else file
                yield from read_csv(unzipped, where, needs)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise InputError("the table is damaged", where, "Fetch it again.") from error
        return
    raise InputError(f"no {' or '.join(names)}, plain or .gz", files.root, fix)


def read_csv(file: BinaryIO, where: str, needs: Needs) -> Iterator[Record | str]:
    """Yields a record a line, or the reason why a line is none; blank lines are nothing.

    UTF-8 with or without a byte order mark. Raises InputError without a header that names each column once,
    among them those that it `needs`.
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
    _check_columns(columns, needs, where)
    while (line := _next_line(reader)) is not None:
        if isinstance(line, str):
            yield line
        elif len(line) != len(columns) and line:
            yield "ragged line"
        elif not all(map(_is_text, line)):
            yield "wrong encoding"
        elif line:
            yield dict(zip(columns, line, strict=True))


def read_parquet(file: BinaryIO, where: str, needs: Needs) -> Iterator[Record | str]:
    """Yields a record a row, or the reason why it is none.

    Raises InputError where the file is no whole Parquet file, or has not the columns that it `needs`.
    """
    try:
        table = open_parquet(file)
        _check_columns(table.schema_arrow.names, needs, where)
        for batch in table.iter_batches(batch_size=_BATCH_ROWS):
            for number in range(batch.num_rows):
                yield record_of(batch.slice(number, 1))
    except (pa.ArrowException, OSError) as error:
        raise InputError("the table is no whole Parquet file", where, "Fetch or write it again.") from error


def open_parquet(file: BinaryIO) -> pq.ParquetFile:
    """The file, whose columns are read as they are needed: by itself Arrow holds groups of rows twice."""
    return pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)


def record_of(row: pa.RecordBatch) -> Record | str:
    """The record of a batch of one row, or the reason why it is none."""
    try:
        record: Record = row.to_pylist()[0]
    except UnicodeDecodeError:  # Arrow does not check its strings
        return "wrong encoding"
    return record


def _check_columns(columns: Sequence[str], needs: Needs, where: str) -> None:
    for need in needs:
        group = (need,) if isinstance(need, str) else need
        if not set(group) & set(columns):
            raise InputError("the table lacks a column", where, f"It needs {' or '.join(group)}.")


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
    # isascii costs nothing, and large tables hold little else
    return field.isascii() or not any("\udc80" <= character <= "\udcff" for character in field)
