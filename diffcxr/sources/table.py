"""Any film set that comes as a table and a folder of images, as rows."""

from __future__ import annotations

from collections.abc import Iterator

from diffcxr.errors import InputError
from diffcxr.sources.files import Files
from diffcxr.sources.record_rows import record_rows
from diffcxr.sources.records import Needs, Record, read_csv, read_parquet
from diffcxr.sources.row import Reject, Row

_FIX = "source.root holds metadata.csv or metadata.parquet with a column `image` or `text`."
_NEEDS: Needs = [("image", "file_name", "text", "findings", "impression")]


def table_rows(files: Files) -> Iterator[Row | Reject]:
    """Yields a row a line of the root's metadata.parquet or metadata.csv, in its order; the rest are Rejects.

    Columns, all but one of `image` and `text` optional, are those of `record_rows`, and `file_name`, which is
    what the image folders of `datasets` call `image`; others are ignored. Raises InputError where there is no
    table, or one with neither images nor reports.
    """
    return record_rows(_records(files), files)


def _records(files: Files) -> Iterator[Record | str]:
    for name, read in (("metadata.parquet", read_parquet), ("metadata.csv", read_csv)):
        try:
            file = files.open(name)
        except FileNotFoundError:
            continue
        with file:
            for record in read(file, f"{files.root}/{name}", _NEEDS):
                yield record if isinstance(record, str) else {"image": record.get("file_name")} | record
        return
    raise InputError("no metadata.csv or metadata.parquet", files.root, _FIX)
