import io
import json
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diffcxr.errors import InputError
from diffcxr.reports.prompt import make_prompt
from diffcxr.sources.files import LocalFiles
from diffcxr.sources.iu_xray import iu_xray_rows
from diffcxr.sources.row import Reject, Row
from tests.diffcxr.sources.trees import film


def study_xml(
    number, findings="Sharp angles. A small nodule.", impression="Nodule.", films=(1001, 2001), extra=""
):
    images = "".join(
        f'<parentImage id="CXR{number}_IM-0001-{film}"><caption>x</caption></parentImage>' for film in films
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{extra}<eCitation><uId id="CXR{number}"/><Abstract>'
        f'<AbstractText Label="INDICATION">Cough</AbstractText>'
        f'<AbstractText Label="FINDINGS">{findings}</AbstractText>'
        f'<AbstractText Label="IMPRESSION">{impression}</AbstractText></Abstract>{images}</eCitation>'
    ).encode()


def rows_of(root):
    return list(iu_xray_rows(LocalFiles(root)))


def test_a_folder_of_reports_gives_a_row_a_report(tmp_path):
    (tmp_path / "reports").mkdir()
    for number in (1, 2):
        (tmp_path / "reports" / f"{number}.xml").write_bytes(study_xml(number))
    first, second = rows_of(tmp_path)
    assert (first.report_id, second.report_id) == ("CXR1", "CXR2")
    assert first.text == "Sharp angles. A small nodule. Nodule."
    assert (first.findings, first.impression) == ("Sharp angles. A small nodule.", "Nodule.")
    assert first.labels["Lung Lesion"] == 1
    assert first.image is None
    assert first.patient_id == "CXR1"


def test_an_archive_gives_the_rows_of_its_folder(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in (3, 1, 2):
        (folder / f"{number}.xml").write_bytes(study_xml(number, findings=f"Finding {number}."))
    with tarfile.open(tmp_path / "reports.tgz", "w:gz") as archive:
        archive.add(folder, arcname="ecgen")
    assert rows_of(tmp_path / "reports.tgz") == rows_of(folder)


def test_films_beside_the_reports_become_rows_frontal_first(tmp_path):
    (tmp_path / "1.xml").write_bytes(study_xml(1, films=(2001, 1001)))
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "CXR1_IM-0001-1001.png").write_bytes(film())
    (tmp_path / "images" / "CXR1_IM-0001-2001.jpg").write_bytes(film(kind="JPEG"))
    rows = rows_of(tmp_path)
    assert [(row.sample_index, row.image_path) for row in rows] == [
        (0, "images/CXR1_IM-0001-1001.png"),
        (1, "images/CXR1_IM-0001-2001.jpg"),
    ]
    assert rows[0].image == film()


def test_marks_stay_in_the_sections_and_leave_the_prompt(tmp_path):
    (tmp_path / "1.xml").write_bytes(study_xml(1, findings="Seen on XXXX film.", impression="XXXX."))
    (row,) = rows_of(tmp_path)
    assert row.findings == "Seen on XXXX film."
    assert row.text == "Seen on film."


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "damaged XML"),
        (study_xml(1)[:200], "damaged XML"),
        (b"\x00\x01\x02", "damaged XML"),
        (study_xml(1, findings="Prot\u00e9g\u00e9").decode().encode("latin-1"), "wrong encoding"),
        (study_xml(1).replace(b"utf-8", b"ebcdic-9"), "wrong encoding"),
        (study_xml(1, findings="", impression=""), "empty report"),
        (study_xml(1, findings="XXXX", impression=" . "), "empty report"),
        (study_xml(1).replace(b'id="CXR1"', b""), "no report id"),
        (study_xml(1, findings="&b;", extra=BOMB), "damaged XML"),
        (study_xml(1, extra='<!DOCTYPE x SYSTEM "file:///etc/passwd">'), "damaged XML"),
        (study_xml(1, findings="clear " * 200_000), "too large"),
    ],
)
def test_a_damaged_report_is_a_reasoned_reject_between_sound_ones(tmp_path, data, reason):
    (tmp_path / "0.xml").write_bytes(study_xml(10))
    (tmp_path / "1.xml").write_bytes(data)
    (tmp_path / "2.xml").write_bytes(study_xml(12))
    before, rejected, after = rows_of(tmp_path)
    assert isinstance(before, Row) and isinstance(after, Row)
    assert isinstance(rejected, Reject) and rejected.reason == reason
    assert rejected.report_id in ("1.xml", "CXR1")


def test_a_report_in_utf_16_is_read(tmp_path):
    text = study_xml(1).decode().replace("utf-8", "utf-16")
    (tmp_path / "1.xml").write_bytes(text.encode("utf-16"))
    (row,) = rows_of(tmp_path)
    assert row.impression == "Nodule."


def test_a_second_report_of_one_id_is_rejected(tmp_path):
    for name in ("a.xml", "b.xml"):
        (tmp_path / name).write_bytes(study_xml(1))
    kept, rejected = rows_of(tmp_path)
    assert isinstance(kept, Row)
    assert rejected == Reject(report_id="CXR1", reason="duplicate id")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "missing image"),
        (b"", "unreadable image"),
        (b"GIF89a...", "unreadable image"),
        (film()[:40], "unreadable image"),
    ],
)
def test_a_film_that_is_missing_or_damaged_is_rejected_and_the_others_stay(tmp_path, data, reason):
    (tmp_path / "1.xml").write_bytes(study_xml(1))
    (tmp_path / "CXR1_IM-0001-1001.png").write_bytes(film())
    if data is not None:
        (tmp_path / "CXR1_IM-0001-2001.png").write_bytes(data)
    kept, rejected = rows_of(tmp_path)
    assert kept.image == film()
    assert rejected == Reject(report_id="CXR1", sample_index=1, reason=reason)


def annotation(tmp_path, entries, name="train"):
    (tmp_path / "annotation.json").write_text(json.dumps({name: entries}))


def test_an_annotation_gives_rows_with_its_splits(tmp_path):
    annotation(
        tmp_path, [{"id": "CXR1_1", "report": "Clear lungs.", "image_path": ["CXR1_1/0.png"]}], name="val"
    )
    (row,) = rows_of(tmp_path)
    assert (row.report_id, row.split, row.text, row.image) == ("CXR1_1", "validate", "Clear lungs.", None)
    (tmp_path / "images" / "CXR1_1").mkdir(parents=True)
    (tmp_path / "images" / "CXR1_1" / "0.png").write_bytes(film())
    (row,) = rows_of(tmp_path)
    assert (row.image, row.image_path) == (film(), "images/CXR1_1/0.png")


def test_damaged_entries_of_an_annotation_are_rejects(tmp_path):
    (tmp_path / "other.png").write_bytes(film())
    entries = [
        {"id": "a", "report": "Clear.", "image_path": ["a/0.png"]},
        {"id": "b", "report": "Clear.", "image_path": ["../../b.png"]},
        {"report": "Clear."},
        {"id": "c", "report": " "},
        {"id": "a", "report": "Again."},
        "nonsense",
    ]
    annotation(tmp_path, entries)
    assert [item.reason for item in rows_of(tmp_path)] == [
        "missing image",
        "image path leaves the root",
        "no id or report",
        "empty report",
        "duplicate id",
        "no id or report",
    ]


@pytest.mark.parametrize("data", [b"", b"[]x", b'{"train": 5}', b"\xff\xfe\x00", b'"text"', b"[" * 100_000])
def test_a_file_that_is_no_annotation_is_one_error(tmp_path, data):
    (tmp_path / "annotation.json").write_bytes(data)
    with pytest.raises(InputError, match="annotation"):
        rows_of(tmp_path)


@pytest.mark.parametrize("cut", [0, 10, 0.5, 0.9])
def test_a_damaged_archive_is_one_error_before_any_row(tmp_path, cut):
    path = tmp_path / "reports.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for number in range(50):
            member = tarfile.TarInfo(f"{number}.xml")
            data = study_xml(number, findings=f"Nodule of {number * 7919} mm.")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    data = path.read_bytes()
    path.write_bytes(data[: int(cut * len(data)) if cut < 1 else cut])
    rows = iu_xray_rows(LocalFiles(path))
    with pytest.raises(InputError, match="archive"):
        next(rows)


def test_a_folder_without_reports_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no IU X-ray reports"):
        rows_of(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 60))
def test_bytes_changed_anywhere_never_stop_the_rest(tmp_path, noise, position, removed):
    sound = study_xml(1)
    (tmp_path / "1.xml").write_bytes(sound[:position] + noise + sound[position + removed :])
    (tmp_path / "2.xml").write_bytes(study_xml(2))
    items = rows_of(tmp_path)
    assert len(items) == 2
    assert items[1].report_id == "CXR2"


@pytest.mark.shared
def test_nearly_every_real_report_becomes_a_row(shared_data):
    items = rows_of(shared_data / "NLMCXR_reports.tgz")
    rows = [item for item in items if isinstance(item, Row)]
    assert len(items) == 2365
    assert len(rows) >= 0.97 * len(items)
    assert len({row.report_id for row in rows}) == len(rows)
    assert all(
        row.text == make_prompt(row.findings, row.impression) and "XXXX" not in row.text for row in rows
    )
