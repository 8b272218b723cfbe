"""A folder of films, each with its report beside it or without one, as rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from diffcxr.sources.files import Files
from diffcxr.sources.film import IMAGE_SUFFIXES
from diffcxr.sources.path_pattern import PathPattern, name_of, said_by
from diffcxr.sources.record_rows import record_rows
from diffcxr.sources.records import Record
from diffcxr.sources.report_text import MAX_BYTES, is_text, printable, report_text
from diffcxr.sources.row import Reject, RejectedError, Row


def folder_rows(
    files: Files, pattern: PathPattern | None = None, images: bool = True
) -> Iterator[Row | Reject]:
    """Yields a row a film anywhere below the root, by path; the rest are Rejects.

    A film's path without its suffix is its `report_id`, unless `pattern` reads it. A .txt of the same name is
    its `text`. Files that are not called as images are ignored, and so is what begins with a dot.
    """
    return record_rows(_records(files, pattern, images), files)


def _records(files: Files, pattern: PathPattern | None, images: bool) -> Iterator[Record | Reject]:
    paths = [path for path in files.list() if not _is_hidden(path)]
    texts = {path for path in paths if path.endswith(".txt")}
    for path in paths:
        if PurePosixPath(path).suffix.lower() not in IMAGE_SUFFIXES:
            continue
        name = name_of(path)
        try:
            if not is_text(path):
                raise RejectedError("wrong encoding")
            said = said_by(name, pattern)
            if said is None:
                raise RejectedError("path does not fit source.pattern")
            text = _read_text(files, f"{name}.txt") if f"{name}.txt" in texts else ""
        except RejectedError as error:
            yield Reject(report_id=printable(name), reason=error.reason)
        else:
            yield {**said, "text": text} | ({"image": path} if images else {})


def _read_text(files: Files, path: str) -> str:
    with files.open(path) as file:
        return report_text(file.read(MAX_BYTES + 1))


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(path).parts)
