"""A Hugging Face data set as rows: the Parquet files of a hub repository, or the Arrow files of a saved one.

Source: the layouts that `datasets` 5 writes by `to_parquet`, `push_to_hub` and `save_to_disk`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

import pyarrow as pa

from diffcxr.errors import InputError
from diffcxr.sources.fields import split_of
from diffcxr.sources.files import Files
from diffcxr.sources.path_pattern import PathPattern, name_of, said_by
from diffcxr.sources.record_rows import ALIASES, COLUMNS, by_own_names, finding_of, record_rows
from diffcxr.sources.records import Record, open_parquet, record_of
from diffcxr.sources.row import Reject, Row

SUFFIXES = (".parquet", ".arrow")
_STATE = "state.json"  # what `save_to_disk` writes beside its files, to name them
_FILE_MAGIC = b"ARROW1"
_BATCH_ROWS = 16  # as read from Parquet: films are large
_FIX = "source.root is a data set saved by save_to_disk, a hub repository's folder, or one of its files."


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnNames:
    """Which of the data set's columns are what; None for the usual ones."""

    image: str | None = None
    text: str | None = None
    report_id: str | None = None


def hugging_face_rows(
    files: Files,
    names: ColumnNames = ColumnNames(),
    pattern: PathPattern | None = None,
    images: bool = True,
) -> Iterator[Row | Reject]:
    """Yields a row a film of the Parquet and Arrow files below the root, by file; the rest are Rejects.

    Columns are `record_rows`' and ALIASES, and what `names` says. Without such a name, the image is the only
    column of {bytes, path}, or `image`, and the id is `report_id`, `study_id`, `id`, or what the image's path
    says. Where no column says so, a file or folder named train, validation or test tells the split.

    Batches are read one at a time, and of their columns only those. Raises InputError where there are no
    files, or one is damaged or lacks a column.
    """
    return record_rows(_records(files, names, pattern, images), files)


def _records(
    files: Files, names: ColumnNames, pattern: PathPattern | None, images: bool
) -> Iterator[Record | Reject | str]:
    for path in _data_paths(files):
        where = f"{files.root}/{path}" if path else files.root
        split = _split(path or PurePosixPath(files.root).name)
        with files.open(path) as file:
            for batch in _batches(file, names, where, images):
                for number in range(batch.num_rows):
                    found = record_of(batch.slice(number, 1))
                    yield found if isinstance(found, str) else _record(found, split, pattern)


def _record(found: Record, split: str | None, pattern: PathPattern | None) -> Record | Reject | str:
    record = by_own_names(found)
    image = record.get("image")
    path = str((image.get("path") if isinstance(image, dict) else None) or "")
    if "report_id" not in record and path:
        said = said_by(name_of(path), pattern)
        if said is None:
            return Reject(report_id=name_of(path), reason="path does not fit source.pattern")
        record = said | record
    if "image" in found and not path and (image is None or image == {"bytes": None, "path": None}):
        reason = "missing image"
        return Reject(report_id=str(record["report_id"]), reason=reason) if "report_id" in record else reason
    return ({"split": split} if split else {}) | record


def _batches(file: BinaryIO, names: ColumnNames, where: str, images: bool) -> Iterator[pa.RecordBatch]:
    """The rows of a file with the columns that are of use, under their names here. Raises InputError."""
    try:
        if where.lower().endswith(".parquet"):
            table = open_parquet(file)
            columns = _columns(table.schema_arrow, names, where, images)
            batches = table.iter_batches(batch_size=_BATCH_ROWS, columns=list(columns))
        else:
            reader = _arrow_reader(file)
            columns = _columns(reader.schema, names, where, images)
            batches = (_checked(batch.select(list(columns))) for batch in reader)
        for batch in batches:
            yield batch.rename_columns([columns[name] for name in batch.schema.names])
    except (pa.ArrowException, OSError) as error:
        what = "the file is no whole Parquet or Arrow file"
        raise InputError(what, where, "Fetch or write it again.") from error


def _checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Arrow's files are taken as they lie: reading at a damaged offset would end the process."""
    batch.validate(full=True)
    return batch


def _arrow_reader(file: BinaryIO) -> pa.RecordBatchReader:
    """A reader of Arrow's stream format, as `save_to_disk` writes it, or of its file format."""
    begins = file.read(len(_FILE_MAGIC))
    file.seek(0)
    if begins != _FILE_MAGIC:
        return pa.ipc.open_stream(file)
    reader = pa.ipc.open_file(file)
    batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
    return pa.RecordBatchReader.from_batches(reader.schema, batches)


def _columns(schema: pa.Schema, names: ColumnNames, where: str, images: bool) -> dict[str, str]:
    """The file's columns that are read, each with its name here. Raises InputError where one is missing."""
    chosen = {name: name for name in schema.names if _is_known(name)}
    ids = [name for name in ("report_id", *ALIASES["report_id"], "id") if name in schema.names]
    given = {"text": names.text, "report_id": names.report_id or next(iter(ids), None)}
    given["image"] = _image_column(schema, names.image, where) if images else None
    for name, column in given.items():
        if column is not None:
            if column not in schema.names:
                raise InputError(f"no column {column!r}", where, _there_are(schema))
            chosen = {other: as_ for other, as_ in chosen.items() if as_ != name} | {column: name}
    return chosen


def _image_column(schema: pa.Schema, given: str | None, where: str) -> str:
    if given is not None and given not in schema.names:
        raise InputError(f"no column {given!r}", where, _there_are(schema))
    found = [column.name for column in schema if _holds_images(column.type)]
    if given is None:
        given = "image" if "image" in found else next(iter(found), None) if len(found) == 1 else None
    if given is None:
        fix = f"Say which by source.image_column. {_there_are(schema)}"
        raise InputError("no column, or more than one, may be the images", where, fix)
    if given not in found:
        raise InputError(f"column {given!r} holds no images", where, _there_are(schema))
    return given


def _holds_images(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return {"bytes", "path"} <= {child.name for child in kind}
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_known(name: str) -> bool:
    return name in COLUMNS or any(name in names for names in ALIASES.values()) or finding_of(name) is not None


def _there_are(schema: pa.Schema) -> str:
    return f"There are: {', '.join(schema.names)}."


def _data_paths(files: Files) -> list[str]:
    """The files that hold rows: of a folder that `save_to_disk` wrote, those that it names."""
    paths = list(files.list())
    if not paths and files.root.lower().endswith(SUFFIXES):
        return [""]
    named: dict[str, set[str]] = {}
    for path in paths:
        if PurePosixPath(path).name == _STATE:
            named[_folder(path)] = _named_files(files, path)
    found = [
        path
        for path in paths
        if path.lower().endswith(SUFFIXES)
        and (_folder(path) not in named or PurePosixPath(path).name in named[_folder(path)])
    ]
    lost = sum(map(len, named.values())) - sum(_folder(path) in named for path in found)
    if lost:
        raise InputError(f"{lost} files that the data set names are missing", files.root, "Fetch it again.")
    if not found:
        raise InputError("no Parquet or Arrow files", files.root, _FIX)
    return found


def _named_files(files: Files, path: str) -> set[str]:
    with files.open(path) as file:
        try:
            return {str(entry["filename"]) for entry in json.load(file)["_data_files"]}
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            where = f"{files.root}/{path}"
            raise InputError("no state of a saved data set", where, "Fetch it again.") from error


def _folder(path: str) -> str:
    return PurePosixPath(path).parent.as_posix()


def _split(path: str) -> str | None:
    """What a file's name up to its first mark says, else a folder that it is in."""
    pure = PurePosixPath(path)
    words = (re.split(r"[-_.]", pure.name)[0], *reversed(pure.parts[:-1]))
    return next((split for word in words if (split := split_of(word))), None)
