import json
from pathlib import Path

import pytest

from cluster.corpus import Corpus, corpus_digest, finish_corpus, refuse_foreign_views
from cluster.schema import rows_from_table, table_from_rows
from cluster.shard import commit_shard, encode_shard, shard_path
from cluster.storage import Storage
from diffcxr.errors import IncompleteError, InputError, RefusedError
from diffcxr.sources.row import Reject
from tests.cluster.rows import rows

REJECT = Reject(report_id="x", reason="empty report")


def write(
    storage: Storage, sizes: list[int], plan: str = "plan", rejects: tuple[Reject, ...] = (REJECT,)
) -> None:
    for unit, size in enumerate(sizes):
        data = encode_shard(
            table_from_rows(rows(size, start=10 * unit)), plan, unit, rejects if unit == 0 else ()
        )
        commit_shard(storage, unit, data)


def finish(storage: Storage, units: int) -> Corpus:
    return finish_corpus(
        storage, "test", units, "plan", "CC0-1.0", {"source": "test"}, {"name": "p", "digest": "d"}
    )


def test_a_corpus_gives_back_its_rows_in_order(uri: str) -> None:
    storage = Storage.at(uri)
    write(storage, [3, 0, 2])
    made = finish(storage, 3)
    corpus = Corpus.open(uri)
    assert corpus.digest == made.digest and (corpus.name, corpus.rows) == ("test", 5)
    assert dict(corpus.rejects) == {"empty report": 1}
    found = [row.report_id for table in corpus.tables() for row in rows_from_table(table)]
    assert found == [row.report_id for row in rows(3) + rows(2, start=20)]
    assert corpus.read(2, columns=["text"]).column_names == ["text"]


def test_two_runs_of_one_command_leave_the_same_bytes_wherever_they_lie(uri: str, tmp_path: Path) -> None:
    places = [Storage.at(uri), Storage.at(tmp_path / "elsewhere")]
    for storage in places:
        write(storage, [3, 2])
        finish(storage, 2)
    here, there = ({s.path: place.read(s.path) for s in place.list()} for place in places)
    assert here == there
    assert set(here) == {
        "README.md",
        "corpus.json",
        "rejected.jsonl",
        "shards/00000.parquet",
        "shards/00001.parquet",
    }


def test_the_manifest_does_not_depend_on_the_order_of_what_it_is_told(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    write(storage, [3])
    for provenance in ({"a": {"x": 1, "y": 2}, "b": 3}, {"b": 3, "a": {"y": 2, "x": 1}}):
        finish_corpus(storage, "test", 1, "plan", "CC0-1.0", provenance)


def test_finishing_twice_is_harmless_and_no_rejects_leave_no_view(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    write(storage, [3], rejects=())
    assert finish(storage, 1).manifest == finish(storage, 1).manifest
    assert not storage.exists("rejected.jsonl")


def test_views_of_a_driver_that_died_are_replaced_and_not_taken_for_another_run_s(tmp_path: Path) -> None:
    storage, whole = Storage.at(tmp_path / "out"), Storage.at(tmp_path / "whole")
    for place in (storage, whole):
        write(place, [3])
    for view in ("README.md", "rejected.jsonl"):
        storage.create(view, b"as another version words it")
    finish(storage, 1)
    finish(whole, 1)
    for view in ("README.md", "rejected.jsonl"):
        assert storage.read(view) == whole.read(view)


@pytest.mark.parametrize("view", ["README.md", "rejected.jsonl"])
def test_a_file_of_somebody_else_s_is_refused_and_one_of_a_begun_run_is_not(uri: str, view: str) -> None:
    storage = Storage.at(uri)
    refuse_foreign_views(storage)
    storage.create(view, b"mine")
    with pytest.raises(RefusedError, match=rf"{view} of its own: .*/{view}\. Move it away"):
        refuse_foreign_views(storage)
    storage.create("run.json", b"{}")
    refuse_foreign_views(storage)


def test_a_twin_that_ends_while_views_are_looked_for_is_not_taken_for_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, looked = Storage.at(tmp_path), Storage.exists

    def exists(self: Storage, path: str) -> bool:
        found = looked(self, path)
        for written in ("run.json", "README.md", "rejected.jsonl"):
            self.create(written, b"{}")
        return found

    monkeypatch.setattr(Storage, "exists", exists)
    refuse_foreign_views(storage)


def test_a_corpus_with_gaps_is_not_finished_and_the_way_on_is_said(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    write(storage, [3, 3, 3])
    storage.delete(shard_path(1))
    with pytest.raises(IncompleteError, match=r"1 of 3 shards are missing.*Run the same command again"):
        finish(storage, 3)
    assert not storage.exists("corpus.json")


def test_a_shard_of_another_run_is_not_taken_in(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    write(storage, [3], plan="another")
    with pytest.raises(RefusedError):
        finish(storage, 1)


def test_over_a_thousand_shards_are_finished_in_seconds(s3_uri: str) -> None:
    storage = Storage.at(s3_uri)
    empty = table_from_rows([])
    for unit in range(1100):
        storage.create(shard_path(unit), encode_shard(empty, "plan", unit))
    corpus = finish(storage, 1100)
    assert len(corpus.shards) == 1100


def test_the_digest_depends_on_the_shards_and_their_order(tmp_path: Path) -> None:
    for name, sizes in (("a", [3, 2]), ("b", [3, 2]), ("c", [2, 3])):
        write(Storage.at(tmp_path / name), sizes)
        finish(Storage.at(tmp_path / name), 2)
    a, b, c = (Corpus.open(tmp_path / name) for name in "abc")
    assert a.digest == b.digest == corpus_digest(a.shards)
    assert a.digest != c.digest
    assert a.digest != corpus_digest(a.shards[::-1])  # `limit` takes the first reports, so their order counts


@pytest.mark.parametrize("place", ["nothing", "file"])
def test_where_there_is_no_corpus_is_an_input_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError):
        Corpus.open(tmp_path / place)


def test_an_unfinished_corpus_says_how_to_finish_it(tmp_path: Path) -> None:
    Storage.at(tmp_path).create("run.json", b"{}")
    with pytest.raises(InputError, match=r"not finished.*Finish it by running"):
        Corpus.open(tmp_path)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ((), "not JSON", "cannot be read"),
        (("version",), 99, "version 99"),
        (("shards",), None, "cannot be read"),
        (("rows",), 4, "its own checksum"),
        (("shards", 0, "digest"), "0" * 64, "its own checksum"),
    ],
)
def test_a_damaged_manifest_is_an_input_error(
    tmp_path: Path, path: tuple[str | int, ...], value: object, words: str
) -> None:
    storage = Storage.at(tmp_path)
    write(storage, [3])
    finish(storage, 1)
    manifest = json.loads(storage.read("corpus.json"))
    if path:
        place = manifest
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        storage.replace("corpus.json", json.dumps(manifest).encode())
    else:
        storage.replace("corpus.json", str(value).encode())
    with pytest.raises(InputError, match=words):
        Corpus.open(tmp_path)


@pytest.mark.parametrize("columns", [None, ["text"]])
def test_an_exchanged_shard_is_found_when_it_is_read(tmp_path: Path, columns: list[str] | None) -> None:
    storage = Storage.at(tmp_path)
    write(storage, [3])
    corpus = finish(storage, 1)
    storage.replace(shard_path(0), encode_shard(table_from_rows(rows(3, start=50)), "plan", 0))
    with pytest.raises(InputError, match="checksums differ"):
        corpus.read(0, columns)
    storage.delete(shard_path(0))
    with pytest.raises(InputError, match="missing"):
        corpus.read(0, columns)
