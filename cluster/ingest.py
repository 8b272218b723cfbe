"""A stream of rows cut into units and committed as shards: how a data set becomes a corpus."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cluster.corpus import read_footers
from cluster.run_record import RunRecord
from cluster.schema import table_from_rows
from cluster.shard import MAX_SHARD_BYTES, commit_shard, content_sha256, encode_shard, read_footer, shard_path
from cluster.storage import Storage
from cluster.storage_errors import MissingError
from diffcxr.errors import InputError, RefusedError
from diffcxr.sources.row import Reject, Row

MAX_UNIT_BYTES = MAX_SHARD_BYTES - (32 << 20)  # of images and text; the rest is room for the encoding
MAX_IMAGE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one unit, and the inputs that were left out while they were read."""

    unit: int
    rows: tuple[Row, ...]
    rejects: tuple[Reject, ...]


def cut_units(
    items: Iterable[Row | Reject], shard_rows: int, first: int = 0, max_bytes: int = MAX_UNIT_BYTES
) -> Iterator[Batch]:
    """The items as units, numbered from `first`: each full at `shard_rows` rows or `max_bytes` bytes.

    A second row of one (report_id, sample_index) becomes a reject, and so does an image beyond
    MAX_IMAGE_BYTES. A reject belongs to the unit that was being filled when it was met. The cut depends on
    the items alone.
    """
    seen: set[bytes] = set()
    unit, size = first, 0
    rows: list[Row] = []
    rejects: list[Reject] = []
    for item in items:
        kept = item if isinstance(item, Reject) else _refuse(item, seen)
        if isinstance(kept, Reject):
            rejects.append(kept)
            continue
        weight = _size(kept)
        if len(rows) == shard_rows or (rows and size + weight > max_bytes):
            yield Batch(unit, tuple(rows), tuple(rejects))
            unit, size, rows, rejects = unit + 1, 0, [], []
        rows.append(kept)
        size += weight
    if rows or rejects:
        yield Batch(unit, tuple(rows), tuple(rejects))


def commit_batch(
    storage: Storage, record: RunRecord, batch: Batch, metadata: Mapping[str, str] | None = None
) -> bool:
    """True when the unit's shard came into being here; False when it was there, with the same rows.

    `metadata` goes into the shard's footer.

    Raises InputError where the shard holds other rows, for the data set has changed since, and RefusedError
    where it is another run's.
    """
    table = table_from_rows(batch.rows)
    path = shard_path(batch.unit)
    try:
        footer = read_footer(storage, path)
    except MissingError:
        data = encode_shard(table, record.plan_hash, batch.unit, batch.rejects, metadata)
        if commit_shard(storage, batch.unit, data):
            return True
        footer = read_footer(storage, path)
    if footer.plan_hash != record.plan_hash:
        raise RefusedError(
            "the output holds a shard of another run", storage.child(path).uri, "Choose a new output."
        )
    if footer.rejects != batch.rejects or footer.content_sha256 != content_sha256(table):
        fix = "The data set has changed since the run began: choose a new output."
        raise InputError("the shard that is there holds other rows", storage.child(path).uri, fix)
    return False


def committed_rows(storage: Storage, record: RunRecord) -> tuple[int, int]:
    """(units, rows) of the run's shards that are there without a gap from the first on: where to go on."""
    units = rows = 0
    for footer in read_footers(storage, sum(1 for _ in storage.list("shards"))):
        if footer is None or footer.plan_hash != record.plan_hash:
            break
        units, rows = units + 1, rows + footer.rows
    return units, rows


def _refuse(row: Row, seen: set[bytes]) -> Row | Reject:
    key = hashlib.blake2b(f"{row.report_id}\0{row.sample_index}".encode(), digest_size=16).digest()
    reason = "duplicate id" if key in seen else ""
    if row.image is not None and len(row.image) > MAX_IMAGE_BYTES:
        reason = "image too large"
    seen.add(key)
    if not reason:
        return row
    return Reject(report_id=row.report_id, sample_index=row.sample_index, reason=reason)


def _size(row: Row) -> int:
    texts = (row.text, row.findings, row.impression, row.truth)
    return len(row.image or b"") + sum(len(text.encode()) for text in texts if text)
