"""Reports: counted by the manifest where there are many, and never otherwise than the shards have them."""

import json
import time
import tracemalloc
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.reports import write_reports
from cluster import reports
from cluster.corpus import Corpus, ShardEntry, corpus_digest
from cluster.plan import Span, plan_units
from cluster.reports import ReportReader, count_reports
from cluster.selection import select_all
from diffcxr.errors import InputError
from tests.reports_corpus import reports_corpus


def manifest_of(folder: Path, shards: int, rows: int) -> Path:
    """A corpus of which there is the manifest alone: whoever looks into a shard fails."""
    entries = [ShardEntry(f"shards/{n:05d}.parquet", rows, f"{n:064x}", rows) for n in range(shards)]
    manifest = {"version": 1, "name": "many", "digest": corpus_digest(entries), "rows": shards * rows}
    folder.mkdir()
    whole = manifest | {"shards": [asdict(entry) for entry in entries]}
    (folder / "corpus.json").write_text(json.dumps(whole))
    return folder


def test_ten_million_reports_are_planned_in_seconds_and_some_megabytes_from_the_manifest_alone(
    tmp_path: Path,
) -> None:
    def units() -> int:
        plan = plan_units(select_all(Corpus.open(folder), None).reports)
        return sum(plan.unit(number).samples for number in range(len(plan)))

    folder = manifest_of(tmp_path / "corpus", shards=10_000, rows=1_000)
    start = time.perf_counter()
    assert units() == 10_000_000
    assert time.perf_counter() - start < 5.0  # 0.33 s on one core of a busy machine
    tracemalloc.start()
    try:
        units()
        assert tracemalloc.get_traced_memory()[1] < 32 << 20  # 9 MiB
    finally:
        tracemalloc.stop()


def test_the_manifest_counts_the_reports_that_the_shards_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = reports_corpus(tmp_path / "reports", reports=10)
    read = count_reports(corpus, None)
    monkeypatch.setattr(reports, "CHECKED_AT_ONCE", 0)
    for shard in corpus.shards:
        (tmp_path / "reports" / shard.path).unlink()
    assert count_reports(corpus, None) == read == [shard.reports for shard in corpus.shards]
    assert sum(read) == 10 and count_reports(corpus, 4) == read[:2]


def test_shards_of_before_the_count_was_recorded_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = reports_corpus(tmp_path / "reports", reports=10)
    manifest = json.loads((tmp_path / "reports" / "corpus.json").read_text())
    for shard in manifest["shards"]:
        del shard["reports"]
    (tmp_path / "reports" / "corpus.json").write_text(json.dumps(manifest))
    monkeypatch.setattr(reports, "CHECKED_AT_ONCE", 0)
    assert count_reports(Corpus.open(tmp_path / "reports"), None) == [s.reports for s in corpus.shards]


def test_a_manifest_that_counts_wrongly_is_damage(tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "reports", reports=10)
    path = tmp_path / "reports" / "corpus.json"
    path.write_text(path.read_text().replace('"reports": 3', '"reports": 2'))
    plan = plan_units([shard.reports or 0 for shard in corpus.shards])
    with pytest.raises(InputError, match="the manifest says 2"):
        ReportReader(corpus.uri, corpus.digest).read(plan.unit(0).spans)


def test_the_rows_of_scattered_spans_are_in_order_and_keep_no_shard_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(number: int) -> pa.Table:
        held.append(pa.total_allocated_bytes() - before)
        return read_shard(number)

    held: list[int] = []
    corpus = write_reports(str(tmp_path / "reports"), reports=20_000, shard_rows=1000)
    reader = ReportReader(corpus.uri, corpus.digest)
    spans = [Span(shard, start, start + 2) for shard in range(20) for start in (3, 500)]
    before, read_shard = pa.total_allocated_bytes(), reader._read
    monkeypatch.setattr(reader, "_read", read)
    rows = reader.read(spans)
    numbers = [span.shard * 1000 + row for span in spans for row in range(span.start, span.stop)]
    assert rows.column("report_id").to_pylist() == [f"r{number:08d}" for number in numbers]
    shard = corpus.read(0, reports.REPORT_COLUMNS).nbytes
    assert len(held) == 20 and max(held) < 3 * shard  # the reader keeps two


def test_a_part_of_a_shard_does_not_share_its_memory(tmp_path: Path) -> None:
    corpus = write_reports(str(tmp_path / "reports"), reports=1000, shard_rows=1000)
    rows = ReportReader(corpus.uri, corpus.digest).read([Span(0, 3, 5)])
    assert rows.get_total_buffer_size() < 2 * rows.nbytes
