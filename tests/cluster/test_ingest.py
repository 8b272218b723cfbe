from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import ingest
from cluster.ingest import commit_batch, committed_rows, cut_units
from cluster.run_record import RunRecord
from cluster.shard import read_footer, read_shard, shard_path
from cluster.storage import Storage
from diffcxr.errors import InputError, RefusedError
from diffcxr.sources.row import Reject, Row
from tests.cluster.rows import rows

RECORD = RunRecord({"source": "test"}, {"shard_rows": 2})

items_of_any_kind = st.lists(
    st.builds(
        Row, report_id=st.sampled_from("abcdefgh"), sample_index=st.integers(0, 1), text=st.text(max_size=30)
    )
    | st.builds(Reject, report_id=st.sampled_from("xyz"), reason=st.just("empty report"))
)


@given(items_of_any_kind, st.integers(1, 4), st.integers(1, 100))
def test_nothing_is_lost_doubled_or_out_of_order(
    items: list[Row | Reject], shard_rows: int, max_bytes: int
) -> None:
    batches = list(cut_units(items, shard_rows, max_bytes=max_bytes))
    kept = [row for batch in batches for row in batch.rows]
    rejects = [reject for batch in batches for reject in batch.rejects]
    assert [batch.unit for batch in batches] == list(range(len(batches)))
    assert len(kept) + len(rejects) == len(items)
    given_rows = [item for item in items if isinstance(item, Row)]
    first_of_each = {(row.report_id, row.sample_index): row for row in reversed(given_rows)}
    assert kept == [row for row in given_rows if first_of_each[(row.report_id, row.sample_index)] is row]
    assert Counter(reject.reason for reject in rejects)["duplicate id"] == len(given_rows) - len(kept)
    assert all(len(batch.rows) <= shard_rows for batch in batches)


@given(items_of_any_kind, st.integers(1, 4))
def test_the_cut_goes_on_where_it_stopped(items: list[Row | Reject], shard_rows: int) -> None:
    unique = [item for item in items if isinstance(item, Row)]
    unique = list({(row.report_id, row.sample_index): row for row in unique}.values())
    whole = list(cut_units(unique, shard_rows))
    for done in range(len(whole)):
        skipped = sum(len(batch.rows) for batch in whole[:done])
        assert list(cut_units(unique[skipped:], shard_rows, first=done)) == whole[done:]


def test_a_shard_ends_before_it_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "MAX_IMAGE_BYTES", 100)
    films = [
        Row(report_id=f"r{i}", text="x", image=b"0" * size) for i, size in enumerate([60, 60, 10, 101, 90])
    ]
    batches = list(cut_units(films, 1000, max_bytes=100))
    assert [[row.report_id for row in batch.rows] for batch in batches] == [["r0"], ["r1", "r2"], ["r4"]]
    assert [(r.report_id, r.reason) for b in batches for r in b.rejects] == [("r3", "image too large")]


def test_rows_are_taken_as_they_come_and_not_gathered() -> None:
    taken = 0

    def endless() -> Iterator[Row]:
        nonlocal taken
        for row in rows(1000):
            taken += 1
            yield row

    next(cut_units(endless(), 10))
    assert taken <= 11


def test_a_committed_unit_is_compared_and_not_written_again(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    batch, *_ = cut_units([*rows(2), Reject(report_id="x", reason="bad XML")], 2)
    assert commit_batch(storage, RECORD, batch)
    before = storage.read(shard_path(0))
    assert not commit_batch(storage, RECORD, batch)
    assert storage.read(shard_path(0)) == before
    assert read_shard(storage, shard_path(0)).num_rows == 2
    assert read_footer(storage, shard_path(0)).rejects == batch.rejects


def test_a_data_set_that_changed_since_is_told(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    for changed in (rows(2, start=5), [*rows(2), Reject(report_id="x", reason="bad XML")]):
        commit_batch(storage, RECORD, next(cut_units(rows(2), 2)))
        with pytest.raises(InputError, match="data set has changed"):
            commit_batch(storage, RECORD, next(cut_units(changed, 2)))


def test_another_runs_shard_is_refused(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    batch = next(cut_units(rows(2), 2))
    commit_batch(storage, RunRecord({}, {}), batch)
    with pytest.raises(RefusedError):
        commit_batch(storage, RECORD, batch)


def test_going_on_begins_at_the_first_gap(uri: str) -> None:
    storage = Storage.at(uri)
    assert committed_rows(storage, RECORD) == (0, 0)
    for batch in cut_units(rows(9), 2):
        commit_batch(storage, RECORD, batch)
    assert committed_rows(storage, RECORD) == (5, 9)
    storage.delete(shard_path(2))
    assert committed_rows(storage, RECORD) == (2, 4)
    assert committed_rows(storage, RunRecord({}, {})) == (0, 0)
