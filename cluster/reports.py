"""A corpus as reports to generate from: counted for the plan, and read for a unit."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Lock

import pyarrow as pa
import pyarrow.compute as pc

from cluster.corpus import Corpus
from cluster.plan import Span
from cluster.schema import ROW_SCHEMA
from diffcxr.errors import InputError

REPORT_COLUMNS = [name for name in ROW_SCHEMA.names if name != "image"]
CHECKED_AT_ONCE = 100_000
"""Rows of a corpus whose text is read, and so checked, before the run begins; the workers of a larger one
find a damaged shard when they come to it."""

_READERS = 16
_KEPT_SHARDS = 2  # units follow each other through a shard, and two are in flight in a worker


def count_reports(corpus: Corpus, limit: int | None) -> list[int]:
    """Reports (rows with `sample_index` 0) of each corpus shard, as far as `limit` needs them.

    Raises InputError where a shard is missing, damaged, or not the manifest's.
    """
    columns = REPORT_COLUMNS if corpus.rows <= CHECKED_AT_ONCE else ["sample_index"]

    def count(shard: int) -> int:
        return len(_reports(corpus.read(shard, columns)))

    counts: list[int] = []
    shards = iter(range(len(corpus.shards)))
    with ThreadPoolExecutor(_READERS) as pool:
        while (limit is None or sum(counts) < limit) and (some := list(islice(shards, 4 * _READERS))):
            counts += pool.map(count, some)
    return counts


class ReportReader:
    """Reads the reports of units from one corpus; for the threads of one worker."""

    def __init__(self, uri: str, digest: str) -> None:
        """Raises InputError where the corpus is not, or no longer, the one with this digest."""
        self._corpus = Corpus.open(uri)
        if self._corpus.digest != digest:
            fix = "Run again with the corpus that the run began with, or on a new output."
            raise InputError("the corpus has changed since the run began", self._corpus.uri, fix)
        self._kept: dict[int, pa.Table] = {}
        self._lock = Lock()

    def read(self, spans: Sequence[Span]) -> pa.Table:
        """The reports of `spans`, in order, with REPORT_COLUMNS."""
        parts = [self._shard(span.shard).slice(span.start, span.stop - span.start) for span in spans]
        return pa.concat_tables(parts).combine_chunks()

    def _shard(self, number: int) -> pa.Table:
        with self._lock:
            if number not in self._kept:
                while len(self._kept) >= _KEPT_SHARDS:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[number] = _reports(self._corpus.read(number, REPORT_COLUMNS))
            return self._kept[number]


def _reports(table: pa.Table) -> pa.Table:
    return table.filter(pc.equal(table.column("sample_index"), 0))
