import os

import pytest

from diffcxr.sources.files import LocalFiles
from diffcxr.sources.folder import folder_rows
from diffcxr.sources.path_pattern import PathPattern
from diffcxr.sources.row import Reject, Row
from tests.diffcxr.sources.trees import film, write


def rows_of(root, pattern=None, images=True):
    return list(folder_rows(LocalFiles(root), pattern and PathPattern.parse(pattern), images))


def test_every_film_below_a_folder_is_a_row_named_by_its_path_with_the_text_beside_it(tmp_path):
    write(tmp_path / "s1.png", film(1))
    write(tmp_path / "s1.txt", "Small effusion.\n")
    write(tmp_path / "deep/er/s2.JPG", film(2, "JPEG"))
    write(tmp_path / "s3.v2.webp", film(3, "WEBP"))
    for other in ("README.md", "s4.txt", ".hidden/s5.png", "._s1.png", "metadata.csv"):
        write(tmp_path / other, "not a film")
    rows = rows_of(tmp_path)
    assert [(row.report_id, row.sample_index, row.text) for row in rows] == [
        ("deep/er/s2", 0, ""),
        ("s1", 0, "Small effusion."),
        ("s3.v2", 0, ""),
    ]
    assert [row.image for row in rows] == [film(2, "JPEG"), film(1), film(3, "WEBP")]
    assert rows[1].image_path == "s1.png" and rows[1].labels["Pleural Effusion"] == 1
    assert rows[0].labels is None


def test_a_pattern_tells_the_report_and_which_of_its_films_it_is(tmp_path):
    for name in ("s1_0", "s1_1", "s2_0", "notes"):
        write(tmp_path / "images" / f"{name}.png", film())
    rows = rows_of(tmp_path, "{report_id}_{sample_index}")
    assert rows[0] == Reject(report_id="images/notes", reason="path does not fit source.pattern")
    assert [(row.report_id, row.sample_index) for row in rows[1:]] == [("s1", 0), ("s1", 1), ("s2", 0)]
    counted = rows_of(tmp_path, "{report_id}_*")[1:]
    assert [(row.report_id, row.sample_index) for row in counted] == [("s1", 0), ("s1", 1), ("s2", 0)]


@pytest.mark.parametrize(
    ("name", "data", "text", "reason"),
    [
        ("b.png", b"not a film", None, "unreadable image"),
        ("b.png", film()[:-20], None, "unreadable image"),
        ("b.dcm", b"DICM", None, "unreadable image"),
        ("b.png", film(), b"caf\xe9", "wrong encoding"),
        ("b.png", film(), b"x" * 200_000, "text too large"),
        (os.fsdecode(b"b\xff.png"), film(), None, "wrong encoding"),
    ],
)
def test_a_bad_film_is_a_reasoned_reject_between_good_ones(tmp_path, name, data, text, reason):
    for good in "ac":
        write(tmp_path / f"{good}.png", film())
    write(tmp_path / name, data)
    if text is not None:
        write(tmp_path / "b.txt", text)
    before, rejected, after = rows_of(tmp_path)
    assert (before.report_id, after.report_id) == ("a", "c")
    assert rejected.reason == reason and rejected.report_id.encode()


def test_without_images_the_reports_are_left(tmp_path):
    write(tmp_path / "s1.png", b"not even looked at")
    write(tmp_path / "s1.txt", "Clear lungs.")
    write(tmp_path / "s2.png", film())
    row, rejected = rows_of(tmp_path, images=False)
    assert isinstance(row, Row) and row.image is None and row.text == "Clear lungs."
    assert rejected == Reject(report_id="s2", reason="empty report")
