import contextlib
import dataclasses
import select
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import shard as shard_module
from cluster.schema import rows_from_table, table_from_rows
from cluster.shard import (
    commit_shard,
    content_sha256,
    encode_shard,
    parse_footer,
    read_footer,
    read_shard,
    shard_path,
)
from cluster.storage import Storage
from cluster.storage_errors import UnavailableError
from diffcxr.errors import InputError, RefusedError
from diffcxr.sources.row import Reject, Row
from tests.cluster.rows import any_row, rows
from tests.s3_server import S3Server


@contextlib.contextmanager
def losing_first_answer(endpoint: str) -> Iterator[tuple[str, threading.Event]]:
    """An endpoint that passes everything on, but hangs up instead of the first answer to a PUT."""
    upstream = endpoint.removeprefix("http://").split(":")
    lost = threading.Event()

    class Pass(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((upstream[0], int(upstream[1]))) as server:
                put = False
                while ready := select.select([self.request, server], [], [])[0]:
                    for side in ready:
                        block = side.recv(1 << 16)
                        if not block:
                            return
                        put = put or (side is self.request and block.startswith(b"PUT"))
                        if side is server and put and not lost.is_set():
                            lost.set()
                            return
                        (server if side is self.request else self.request).sendall(block)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Pass) as proxy:
        proxy.daemon_threads = True
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}", lost
        proxy.shutdown()


REJECTS = [
    Reject(report_id="a", reason="empty report"),
    Reject(report_id="b", sample_index=1, reason="bad XML"),
]
SECRET_TEXT = "an invented sentence about a heart"


@given(st.lists(any_row, max_size=5))
def test_rows_survive_the_way_through_a_shard(made: list[Row]) -> None:
    data = encode_shard(table_from_rows(made), "plan", 3, REJECTS)
    table = pq.read_table(pa.BufferReader(data))
    assert list(rows_from_table(table)) == made
    footer = parse_footer(data, "here")
    assert (footer.plan_hash, footer.unit, footer.rows) == ("plan", 3, len(made))
    assert list(footer.rejects) == REJECTS


@given(st.lists(any_row, min_size=1, max_size=4), st.data())
def test_the_content_digest_sees_every_change_of_a_row(made: list[Row], data: st.DataObject) -> None:
    other = data.draw(st.lists(any_row, min_size=1, max_size=4))
    same = content_sha256(table_from_rows(made)) == content_sha256(table_from_rows(other))
    assert same == (made == other)


def test_the_content_digest_does_not_depend_on_the_encoding() -> None:
    table = table_from_rows(rows(7))
    chunked = pa.concat_tables([table.slice(0, 3), table.slice(3)])
    assert content_sha256(chunked) == content_sha256(table)


def test_the_content_digest_is_that_of_corpora_of_before() -> None:
    made = [dataclasses.replace(row, image=b"film") for row in rows(3)]
    made[1] = dataclasses.replace(made[1], image=None)
    assert (
        content_sha256(table_from_rows(made))
        == "334f7258e737029e4fad387c9a49c9ba5764c57d168e0d3592c6e61c38b7547e"
    )


def test_a_shard_is_the_same_bytes_in_another_process() -> None:
    code = (
        "import sys; from cluster.schema import table_from_rows; from cluster.shard import encode_shard\n"
        "from tests.cluster.rows import rows\n"
        "sys.stdout.buffer.write(encode_shard(table_from_rows(rows(50)), 'plan', 1))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, check=True
    )
    assert done.stdout == encode_shard(table_from_rows(rows(50)), "plan", 1)


def test_images_are_stored_as_they_are_and_nothing_of_a_report_is_in_the_footer() -> None:
    row = Row(report_id="a", text=SECRET_TEXT, image=b"\x00" * 5000)
    data = encode_shard(table_from_rows([row]), "plan", 0)
    columns = pq.read_metadata(pa.BufferReader(data)).row_group(0)
    codecs = {
        columns.column(i).path_in_schema: columns.column(i).compression for i in range(columns.num_columns)
    }
    assert codecs.pop("image.bytes") == "UNCOMPRESSED" and set(codecs.values()) == {"ZSTD"}
    footer_length = int.from_bytes(data[-8:-4], "little")
    assert SECRET_TEXT.encode() not in data[-footer_length - 8 :]


def test_a_unit_whose_rows_were_all_rejected_is_a_shard_of_no_rows(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    assert commit_shard(storage, 0, encode_shard(table_from_rows([]), "plan", 0, REJECTS))
    assert read_shard(storage, shard_path(0)).num_rows == 0
    assert list(read_footer(storage, shard_path(0)).rejects) == REJECTS


@pytest.mark.parametrize("rejected", [0, 3000])
def test_a_footer_takes_at_most_two_ranged_reads(
    uri: str, rejected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage.at(uri)
    rejects = [Reject(report_id=f"r{i}", reason="empty report") for i in range(rejected)]
    storage.create("a", encode_shard(table_from_rows(rows(3)), "plan", 0, rejects, {"model": "digest"}))
    reads: list[int] = []
    ranged = Storage.read_range
    monkeypatch.setattr(Storage, "read_range", lambda *a: reads.append(a[3]) or ranged(*a))
    footer = read_footer(storage, "a")
    assert len(footer.rejects) == rejected and footer.metadata == {"model": "digest"}
    assert len(reads) <= 2 and sum(reads) < 2 << 20


def test_one_unit_is_committed_once_and_the_second_copy_is_dropped(uri: str) -> None:
    storage = Storage.at(uri)
    data = encode_shard(table_from_rows(rows(3)), "plan", 4)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: commit_shard(storage, 4, data), range(8)))
    assert won.count(True) == 1
    assert [stored.path for stored in storage.list()] == ["shards/00004.parquet"]


def test_a_create_whose_answer_was_lost_is_known_as_done(
    s3: S3Server, s3_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode_shard(table_from_rows(rows(3)), "plan", 0)
    with losing_first_answer(s3.endpoint) as (endpoint, lost):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        storage = Storage.at(s3_uri)
        try:
            committed = commit_shard(storage, 0, data)
        except UnavailableError:  # then the unit is tried again by whoever has it
            committed = commit_shard(storage, 0, data)
        assert lost.is_set() and not committed
        assert read_shard(storage, shard_path(0)).num_rows == 3
        assert [stored.path for stored in storage.list()] == [shard_path(0)]


@pytest.mark.parametrize(("plan", "unit"), [("another", 0), ("plan", 1)])
def test_a_shard_of_another_run_is_refused_and_left_alone(tmp_path: Path, plan: str, unit: int) -> None:
    storage = Storage.at(tmp_path)
    theirs = encode_shard(table_from_rows(rows(3)), plan, unit)
    storage.create(shard_path(0), theirs)
    with pytest.raises(RefusedError, match=r"00000\.parquet"):
        commit_shard(storage, 0, encode_shard(table_from_rows(rows(3)), "plan", 0))
    assert storage.read(shard_path(0)) == theirs


def test_an_answer_cut_short_by_a_store_that_goes_down_is_no_damaged_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage.at(tmp_path)
    data = encode_shard(table_from_rows(rows(3)), "plan", 0)
    assert commit_shard(storage, 0, data)
    whole, answers = Storage.read_range, [b"", data[-20:-9]]

    def cut(self: Storage, path: str, start: int, length: int) -> bytes:
        return answers.pop() if answers else whole(self, path, start, length)

    monkeypatch.setattr(Storage, "read_range", cut)
    assert not commit_shard(storage, 0, data)
    assert not answers


def test_a_damaged_shard_in_the_way_is_named(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    data = encode_shard(table_from_rows(rows(3)), "plan", 0)
    storage.create(shard_path(0), data[: len(data) // 2])
    with pytest.raises(InputError, match="cut short"):
        commit_shard(storage, 0, data)


def test_a_shard_cut_anywhere_is_an_input_error(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    data = encode_shard(table_from_rows(rows(20)), "plan", 0)
    for number, length in enumerate((0, 3, 11, len(data) // 2, len(data) - 1)):
        storage.create(f"{number}", data[:length])
        for read in (read_footer, read_shard):
            with pytest.raises(InputError, match="cut short"):
                read(storage, f"{number}")


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    data = encode_shard(table_from_rows(rows(6)), "plan", 0)
    digest = parse_footer(data, "").content_sha256
    missed = []
    for position in range(0, len(data), 7):
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        storage.replace("a", bytes(damaged))
        try:
            table = read_shard(storage, "a", digest=digest)
        except InputError:
            continue
        # what a flip may change unnoticed: bytes that no reader looks at, never a row
        if list(rows_from_table(table)) != rows(6):
            missed.append(position)
    assert missed == []


def test_a_foreign_parquet_file_is_named_as_such(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="did not write"):
        read_footer(Storage.at(tmp_path), "a.parquet")


def test_rows_that_were_exchanged_under_the_footer_are_found(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    honest = encode_shard(table_from_rows(rows(2)), "plan", 0)
    facts = pq.read_metadata(pa.BufferReader(honest)).metadata
    forged = table_from_rows(rows(2, start=5)).replace_schema_metadata(facts)
    pq.write_table(forged, tmp_path / "a")
    with pytest.raises(InputError, match="do not match its checksum"):
        read_shard(storage, "a")


def test_columns_can_be_read_alone_without_the_images(uri: str) -> None:
    storage = Storage.at(uri)
    storage.create("a", encode_shard(table_from_rows(rows(3)), "plan", 0))
    table = read_shard(storage, "a", columns=["report_id", "text"])
    assert table.column_names == ["report_id", "text"] and table.num_rows == 3


def test_a_shard_beyond_the_limit_is_refused_before_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "MAX_SHARD_BYTES", 4096)
    with pytest.raises(InputError, match="Lower shard_rows"):
        encode_shard(table_from_rows([Row(report_id="a", text="x", image=b"\x01" * 5000)]), "plan", 0)
