import contextlib
import io
import json
import random
import tarfile
import tracemalloc

import pytest
import webdataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diffcxr.errors import InputError
from diffcxr.sources.files import LocalFiles
from diffcxr.sources.path_pattern import PathPattern
from diffcxr.sources.row import Reject, Row
from diffcxr.sources.webdataset import webdataset_rows
from tests.diffcxr.sources.trees import film, write

NAMED = b'{"report_id": "s1"}'


def rows_of(root, pattern=None, images=True):
    return list(webdataset_rows(LocalFiles(root), pattern and PathPattern.parse(pattern), images))


def write_tar(path, members, mode="w"):
    """An archive of (name, bytes), in their order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def test_shards_of_the_library_s_own_writer_become_rows(tmp_path):
    pattern = str(tmp_path / "set-%06d.tar")
    with webdataset.ShardWriter(pattern, maxcount=2, verbose=0) as writer:
        for number in range(5):
            report = {"text": f"Nodule {number}.", "patient_id": number, "view": "PA", "Edema": True}
            writer.write({"__key__": f"s{number}", "png": film(number), "json": report})
    rows = rows_of(tmp_path)
    assert [row.report_id for row in rows] == ["s0", "s1", "s2", "s3", "s4"]
    assert [row.image for row in rows] == [film(number) for number in range(5)]
    assert rows[3].text == "Nodule 3." and rows[3].patient_id == "3" and rows[3].view == "PA"
    assert rows[3].labels["Edema"] == 1 and rows[3].labels["Lung Lesion"] is None  # no labeler beside labels
    assert rows[3].image_path == "s3.png"
    assert rows_of(tmp_path / "set-000001.tar") == rows[2:4]


def test_keys_are_the_library_s_keys(tmp_path):
    names = ["a/s1.png", "a/s1.seg.json", "b.c/s1.png", "b.c/x.y.z.png", "noext", "__meta__/s.png", "s2.PNG"]
    write_tar(tmp_path / "set.tar", [(name, b"{}" if name.endswith("json") else film()) for name in names])
    read = webdataset.WebDataset(str(tmp_path / "set.tar"), shardshuffle=False, empty_check=False)
    assert [row.report_id for row in rows_of(tmp_path)] == [sample["__key__"] for sample in read]


def test_a_text_member_and_other_people_s_names_are_taken(tmp_path):
    report = {"caption": "An effusion.", "study_id": 50414267, "subject_id": 10000032, "image": "x.png"}
    named = json.dumps(report).encode()
    members = [("./k1.jpg", film(1, "JPEG")), ("./k1.json", named), ("k2.txt", b"A mass.")]
    members += [("k2.webp", film(2, "WEBP")), ("k2.json", json.dumps({"text": "another"}).encode())]
    write_tar(tmp_path / "a.tar.gz", members, "w:gz")
    first, second = rows_of(tmp_path)
    assert (first.report_id, first.patient_id, first.text) == ("50414267", "10000032", "An effusion.")
    assert (second.report_id, second.text, second.image) == ("k2", "A mass.", film(2, "WEBP"))


def test_a_key_that_comes_again_is_a_duplicate_unless_something_tells_the_films_apart(tmp_path):
    for shard, keys in (("a", ("s1", "s2")), ("b", ("s1",))):
        write_tar(tmp_path / f"{shard}.tar", [(f"{key}.png", film()) for key in keys])
    assert rows_of(tmp_path)[2] == Reject(report_id="s1", reason="duplicate id")
    numbered = [(f"s1_{n}.png", film(n)) for n in range(3)]
    write_tar(tmp_path / "films/c.tar", numbered)
    read = rows_of(tmp_path / "films", "{report_id}_{sample_index}")
    assert [(row.report_id, row.sample_index) for row in read] == [("s1", 0), ("s1", 1), ("s1", 2)]
    told = [(f"{n}.{kind}", data) for n in range(2) for kind, data in (("png", film(n)), ("json", NAMED))]
    write_tar(tmp_path / "told/d.tar", told)
    assert [(row.report_id, row.sample_index) for row in rows_of(tmp_path / "told")] == [("s1", 0), ("s1", 1)]


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([("b.txt", b"A mass.")], "missing image"),
        ([("b.cls", b"3")], "missing image"),
        ([("b.png", film()[:-20])], "unreadable image"),
        ([("b.gif", b"GIF89a")], "unreadable image"),
        ([("b.png", film()), ("b.jpg", film(2, "JPEG"))], "more than one image"),
        ([("b.0.png", film()), ("b.1.png", film())], "more than one image"),
        ([("b.png", film()), ("b.json", b"{")], "damaged json"),
        ([("b.png", film()), ("b.json", b"[1]")], "damaged json"),
        ([("b.png", film()), ("b.json", b'{"text": "\\ud800"}')], "damaged json"),
        ([("b.png", film()), ("b.json", b"[" * 100_000)], "damaged json"),
        ([("b.png", film()), ("b.json", b" " * (1 << 20) + b"{}")], "json too large"),
        ([("b.png", film()), ("b.txt", b"caf\xe9")], "wrong encoding"),
        ([("b.png", film()), ("b.txt", b"x" * 200_000)], "text too large"),
        ([("b.png", film()), ("b.json", b'{"sample_index": "first"}')], "sample_index is no number"),
    ],
)
def test_a_bad_sample_is_a_reasoned_reject_between_good_ones(tmp_path, members, reason):
    write_tar(tmp_path / "set.tar", [("a.png", film()), *members, ("c.png", film())])
    before, rejected, after = rows_of(tmp_path)
    assert (before.report_id, after.report_id) == ("a", "c")
    assert rejected == Reject(report_id="b", reason=reason)


def test_the_plain_extension_comes_before_a_longer_one(tmp_path):
    members = [("a.mask.png", film(9)), ("a.png", film(1)), ("a.edge.png", film(8)), ("b.seg.png", film(2))]
    write_tar(tmp_path / "set.tar", members)
    first, second = rows_of(tmp_path)
    assert (first.image, second.image) == (film(1), film(2))


def test_without_images_none_is_asked_for(tmp_path):
    write_tar(tmp_path / "set.tar", [("a.txt", b"A mass."), ("b.png", b"no film"), ("b.txt", b"Clear.")])
    rows = rows_of(tmp_path, images=False)
    assert [(row.text, row.image) for row in rows] == [("A mass.", None), ("Clear.", None)]


def test_an_archive_that_is_cut_or_damaged_anywhere_is_an_error_and_no_shorter_set(tmp_path):
    whole = write_tar(tmp_path / "set.tar", [(f"s{n}.png", film(n)) for n in range(4)]).read_bytes()
    header = 512 * 2  # of the second member: each is a header and a block
    damaged = whole[: header + 10] + b"\xff" * 20 + whole[header + 30 :]
    for data in (damaged, whole[: header + 100], whole[: header + 512 + 20], b"", b"no archive" * 200):
        write(tmp_path / "bad/set.tar", data)
        with pytest.raises(InputError, match="archive is damaged"):
            rows_of(tmp_path / "bad")


def test_a_folder_without_archives_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"no \.tar archives"):
        rows_of(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_any_damage_to_an_archive_gives_rows_rejects_or_one_error(tmp_path, data):
    members = [(f"s{n}.{kind}", data) for n in range(3) for kind, data in (("png", film(n)), ("json", NAMED))]
    whole = bytearray(write_tar(tmp_path / "whole.tar", members).read_bytes()[: 512 * 14])
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    write(tmp_path / "bad/set.tar", bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    with contextlib.suppress(InputError):
        assert all(isinstance(item, Row | Reject) for item in rows_of(tmp_path / "bad"))


def test_an_archive_is_read_member_by_member_and_never_whole(tmp_path):
    noise = random.Random(0).randbytes(1 << 20)
    picture = film()[:-12] + noise + film()[-12:]  # its last chunk is in place
    write_tar(tmp_path / "set.tar", [(f"s{n}.png", picture) for n in range(40)])
    tracemalloc.start()
    assert sum(isinstance(item, Row) for item in webdataset_rows(LocalFiles(tmp_path))) == 40
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20
