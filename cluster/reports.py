"""A corpus as reports to generate from: counted for the plan, and read for a unit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, groupby
from threading import Lock
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from cluster.corpus import Corpus
from cluster.plan import Span
from cluster.schema import ROW_SCHEMA
from diffcxr.errors import InputError

T = TypeVar("T")

REPORT_COLUMNS = [name for name in ROW_SCHEMA.names if name != "image"]
CHECKED_AT_ONCE = 100_000
"""Rows of a corpus whose text is read, and so checked, before the run begins; the workers of a larger one
find a damaged shard when they come to it."""

_READERS = 16
_KEPT_SHARDS = 2  # units follow each other through a shard, and two are in flight in a worker


def count_reports(corpus: Corpus, limit: int | None) -> list[int]:
    """Reports (rows with `sample_index` 0) of each corpus shard, as far as `limit` needs them.

    A large corpus's are counted by its manifest, without a look at any shard; of a small one every text is
    read. Raises InputError where a shard that is read is missing, damaged, or not the manifest's.
    """
    known = [shard.reports for shard in corpus.shards if shard.reports is not None]
    if corpus.rows <= CHECKED_AT_ONCE or len(known) < len(corpus.shards):
        found: Iterator[int] = map(len, _checked(corpus, ["sample_index"]))
    else:
        found = iter(known)
    counts: list[int] = []
    total = 0
    for count in found:
        counts.append(count)
        total += count
        if limit is not None and total >= limit:
            break
    return counts


def report_ids(corpus: Corpus) -> Iterator[list[str]]:
    """The ids of each shard's reports, in order. Raises InputError as `count_reports` does."""
    for table in _checked(corpus, ["report_id", "sample_index"]):
        yield table.column("report_id").to_pylist()


def read_ahead(read: Callable[[int], T], shards: int) -> Iterator[T]:
    """`read(0)` to `read(shards - 1)`, in order, some of them ahead of their turn."""
    running: deque[Future[T]] = deque()
    with ThreadPoolExecutor(_READERS) as pool:
        for shard in range(shards):
            running.append(pool.submit(read, shard))
            if len(running) > 2 * _READERS:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def _checked(corpus: Corpus, columns: list[str]) -> Iterator[pa.Table]:
    names = REPORT_COLUMNS if corpus.rows <= CHECKED_AT_ONCE else columns
    return read_ahead(lambda shard: _reports(corpus.read(shard, names)), len(corpus.shards))


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
        parts = []
        for shard, of_shard in groupby(spans, lambda span: span.shard):
            rows = chain.from_iterable(range(span.start, span.stop) for span in of_shard)
            # Copied, 0.15 ms for a thousand: a slice would keep its whole shard in memory.
            parts.append(self._shard(shard).take(pa.array(rows, pa.int64())))
        return pa.concat_tables(parts).combine_chunks()

    def _shard(self, number: int) -> pa.Table:
        with self._lock:
            if number not in self._kept:
                while len(self._kept) >= _KEPT_SHARDS:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[number] = self._read(number)
            return self._kept[number]

    def _read(self, number: int) -> pa.Table:
        reports = _reports(self._corpus.read(number, REPORT_COLUMNS))
        shard = self._corpus.shards[number]
        if shard.reports not in (None, len(reports)):
            what = f"{len(reports)} reports, and the manifest says {shard.reports}"
            fix = "Restore the manifest, or make the corpus again in another place."
            raise InputError(what, self._corpus.storage.child(shard.path).uri, fix)
        return reports


def _reports(table: pa.Table) -> pa.Table:
    return table.filter(pc.equal(table.column("sample_index"), 0))
