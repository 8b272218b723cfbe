from pathlib import Path

import pytest

from cluster.corpus import finish_corpus
from cluster.run_record import RunRecord, create_or_resume
from cluster.schema import table_from_rows
from cluster.shard import commit_shard, encode_shard, shard_path
from cluster.storage import Storage
from cluster.verification import Tally, check_shards, take_inventory
from diffcxr.errors import InputError
from diffcxr.sources.row import Reject, Row
from tests.cluster.rows import png, rows

RECORD = RunRecord({}, {"samples": 6, "units": 2, "samples_per_report": 1})


def verify(storage: Storage, decode: bool = False, reports: list[str] | None = None) -> Tally:
    inventory = take_inventory(storage)
    tally = Tally()
    for check in check_shards(inventory, decode):
        tally.add(check, inventory.planned("samples_per_report"))
    tally.finish(inventory, reports)
    return tally


def generated(storage: Storage, units: list[tuple[list[Row], list[Reject]]], finish: bool = True) -> None:
    create_or_resume(storage, RECORD)
    for unit, (made, rejects) in enumerate(units):
        commit_shard(storage, unit, encode_shard(table_from_rows(made), RECORD.plan_hash, unit, rejects))
    if finish:
        finish_corpus(storage, "test", len(units), RECORD.plan_hash, "CC0-1.0", {})


def reject(index: int) -> Reject:
    return Reject(report_id=f"study-{index:05d}", reason="the model failed")


def test_a_whole_corpus_verifies_with_its_rejects_counted(uri: str) -> None:
    storage = Storage.at(uri)
    generated(storage, [(rows(3), []), (rows(2, start=3), [reject(5)])])
    tally = verify(storage, decode=True, reports=[f"study-{i:05d}" for i in range(6)])
    assert (tally.rows, tally.rejects, tally.missing, tally.damage) == (5, 1, [], [])


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ((rows(3, start=2), []), "1 samples that were there already"),
        ((rows(3, start=3), [reject(0)]), "1 samples that were there already"),
        ((rows(2, start=3), []), "5 samples, and 6 were planned"),
        (([*rows(2, start=3), Row(report_id="study-00003", sample_index=1, text="x")], []), "never planned"),
    ],
)
def test_samples_that_are_double_absent_or_unplanned_are_found(
    tmp_path: Path, second: tuple[list[Row], list[Reject]], words: str
) -> None:
    storage = Storage.at(tmp_path)
    generated(storage, [(rows(3), []), second])
    assert any(words in line for line in verify(storage).damage)


def test_a_report_in_the_place_of_another_is_found_with_the_parent_at_hand(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    generated(storage, [(rows(3), []), (rows(3, start=7), [])])
    assert verify(storage).damage == []
    damage = verify(storage, reports=[f"study-{i:05d}" for i in range(6)]).damage
    assert damage == ["3 planned reports are not there, and 3 others are"]


def test_every_kind_of_damage_to_a_shard_is_found_and_the_rest_is_still_read(tmp_path: Path) -> None:
    other = encode_shard(table_from_rows(rows(3)), "another", 0)
    whole = encode_shard(table_from_rows(rows(3)), RECORD.plan_hash, 0)
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 1
    for number, data in enumerate((whole[: len(whole) // 2], b"", bytes(flipped), other)):
        storage = Storage.at(tmp_path / str(number))
        generated(storage, [(rows(3), []), (rows(3, start=3), [])])
        storage.replace(shard_path(0), data)
        tally = verify(storage)
        assert len(tally.damage) == 1 and tally.damage[0].startswith("shards/00000.parquet: ")


@pytest.mark.parametrize(("image", "decode"), [(b"not an image", False), (png(3, side=64)[:-30], True)])
def test_images_that_cannot_be_read_are_counted(tmp_path: Path, image: bytes, decode: bool) -> None:
    storage = Storage.at(tmp_path)
    bad = Row(report_id="study-00005", text="x", image=image)
    generated(storage, [(rows(3), []), ([*rows(2, start=3), bad], [])])
    assert verify(storage, decode).damage == ["shards/00001.parquet: 1 images cannot be read"]


def test_what_is_not_there_yet_is_missing_and_not_damaged(uri: str) -> None:
    storage = Storage.at(uri)
    generated(storage, [(rows(3), [])], finish=False)
    tally = verify(storage)
    assert (tally.missing, tally.damage, tally.rows) == (["shards/00001.parquet"], [], 3)


def test_a_lost_and_an_unplanned_shard_are_found(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    generated(storage, [(rows(3), []), (rows(3, start=3), [])])
    storage.create(shard_path(7), encode_shard(table_from_rows([]), RECORD.plan_hash, 7))
    storage.delete(shard_path(1))
    tally = verify(storage)
    assert tally.missing == [shard_path(1)]
    assert tally.damage == [f"{shard_path(7)}: a shard that was never planned"]


def test_rejects_of_a_data_set_may_bear_any_id(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    rejects = [Reject(report_id="", reason="bad XML")] * 2 + [
        Reject(report_id="study-00000", reason="duplicate id")
    ]
    storage.create(shard_path(0), encode_shard(table_from_rows(rows(3)), "plan", 0, rejects))
    finish_corpus(storage, "test", 1, "plan", "CC0-1.0", {})
    tally = verify(storage)
    assert (tally.rows, tally.rejects, tally.damage) == (3, 3, [])


def test_a_folder_that_is_no_corpus_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no corpus here"):
        take_inventory(Storage.at(tmp_path))
