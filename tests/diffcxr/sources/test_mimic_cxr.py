import dataclasses
import random
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diffcxr.errors import InputError
from diffcxr.sources.files import LocalFiles
from diffcxr.sources.mimic_cxr import mimic_cxr_rows
from diffcxr.sources.row import Reject, Row
from tests.diffcxr.sources.trees import (
    MIMIC_FILMS,
    film,
    mimic_folder,
    mimic_labels,
    mimic_metadata,
    mimic_splits,
    mimic_tree,
    write,
    write_csv,
)

SUBJECT, STUDY, NAME, *_ = MIMIC_FILMS[2]  # a study of one film
FOLDER = mimic_folder(SUBJECT, STUDY)
FILM = f"files/{FOLDER}/{NAME}.jpg"
REPORT = f"mimic-cxr-reports/files/{FOLDER}.txt"


def items_of(root, **options):
    return list(mimic_cxr_rows(LocalFiles(root), **options))


def reasons(items):
    return [getattr(item, "reason", "row") for item in items]


def test_a_row_holds_all_that_the_set_tells_of_a_film(tmp_path):
    first = items_of(mimic_tree(tmp_path))[0]
    assert {name: value for name, value in first.labels.items() if value is not None} == {
        "Lung Lesion": 1,
        "Pneumothorax": -1,
        "Edema": 0,
    }
    assert first == Row(
        report_id="s50000011",
        sample_index=0,
        patient_id="p10000001",
        text="Compared with, a coin-sized nodule sits above the left nipple line. Nodule of study 50000011.",
        findings="Compared with ___, a coin-sized nodule sits\n above the left nipple line.",
        impression="Nodule of study 50000011.",
        labels=first.labels,
        view="PA",
        split="train",
        image=film(1, "JPEG"),
        image_path=f"files/p10/p10000001/s50000011/{MIMIC_FILMS[1][2]}.jpg",
    )


def test_films_of_a_study_are_numbered_frontal_first_and_unknown_views_before_lateral_ones(tmp_path):
    rows = items_of(mimic_tree(tmp_path))
    assert [(row.report_id, row.sample_index, row.view, row.split) for row in rows] == [
        ("s50000011", 0, "PA", "train"),
        ("s50000011", 1, "LATERAL", "train"),
        ("s50000012", 0, "AP", "train"),
        ("s50000021", 0, None, "validate"),
        ("s50000021", 1, "LATERAL", "validate"),
    ]


@pytest.mark.parametrize("reports", ["files", "mimic-cxr-reports/files", "mimic-cxr-reports.zip"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_reports_and_tables_are_found_in_each_form_that_they_are_published_in(tmp_path, reports, suffix):
    plain = items_of(mimic_tree(tmp_path / "plain"))
    assert items_of(mimic_tree(tmp_path / "other", suffix, reports)) == plain
    assert len(plain) == len(MIMIC_FILMS)


def test_labels_are_those_of_the_table_asked_for_or_of_the_labeler(tmp_path):
    mimic_tree(tmp_path)
    found = {
        labels: items_of(tmp_path, labels=labels)[0].labels for labels in ("chexpert", "negbio", "labeler")
    }
    assert [labels["Lung Lesion"] for labels in found.values()] == [1, -1, 1]
    assert [labels["Pneumothorax"] for labels in found.values()] == [-1, -1, None]


def test_the_labeler_needs_no_label_table(tmp_path):
    mimic_tree(tmp_path)
    for name in ("chexpert", "negbio"):
        (tmp_path / f"mimic-cxr-2.0.0-{name}.csv.gz").unlink()
    assert reasons(items_of(tmp_path, labels="labeler")) == ["row"] * len(MIMIC_FILMS)


def test_without_images_no_film_is_looked_for(tmp_path):
    rows = items_of(mimic_tree(tmp_path))
    for path in tmp_path.rglob("*.jpg"):
        path.unlink()
    assert reasons(items_of(tmp_path)) == ["missing image"] * len(rows)
    assert items_of(tmp_path, images=False) == [
        dataclasses.replace(row, image=None, image_path=None) for row in rows
    ]


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        (FILM, None, "missing image"),
        (FILM, b"", "unreadable image"),
        (FILM, film(kind="JPEG")[:-30], "unreadable image"),
        (REPORT, None, "missing report"),
        (REPORT, b"", "empty report"),
        (REPORT, " FINDINGS: ___.\n\n IMPRESSION: ___\n", "empty report"),
        (REPORT, " FINDINGS: Opacit\u00e9.".encode("latin-1"), "wrong encoding"),
        (REPORT, b"x" * 2_000_000, "too large"),
    ],
)
def test_a_damaged_file_is_a_reasoned_reject_between_sound_rows(tmp_path, path, data, reason):
    mimic_tree(tmp_path)
    (tmp_path / path).unlink()
    if data is not None:
        write(tmp_path / path, data)
    items = items_of(tmp_path)
    assert reasons(items) == ["row", "row", reason, "row", "row"]
    assert items[2] == Reject(report_id=f"s{STUDY}", reason=reason)


def test_every_film_of_a_study_without_a_report_is_a_reject_of_its_own(tmp_path):
    mimic_tree(tmp_path)
    (tmp_path / "mimic-cxr-reports/files/p10/p10000001/s50000011.txt").unlink()
    assert items_of(tmp_path)[:2] == [
        Reject(report_id="s50000011", sample_index=index, reason="missing report") for index in (0, 1)
    ]


TABLES = {"metadata": mimic_metadata, "split": mimic_splits, "chexpert": mimic_labels}
DAMAGES = [
    ("metadata", {"subject_id": ""}, "no valid id"),
    ("metadata", {"study_id": "5000001x"}, "no valid id"),
    ("metadata", {"dicom_id": "../../../secret"}, "no valid id"),
    ("split", {"dicom_id": "another"}, "not in the split table"),
    ("split", {"split": "holdout"}, "no valid split"),
    ("chexpert", {"study_id": "59999999"}, "not in the label table"),
    ("chexpert", {"Edema": "yes"}, "no valid label"),
    ("chexpert", {"Edema": "2.0"}, "no valid label"),
    ("chexpert", {"Edema": "nan"}, "no valid label"),
]


@pytest.mark.parametrize(("table", "change", "reason"), DAMAGES)
def test_a_damaged_line_of_a_table_is_one_reasoned_reject(tmp_path, table, change, reason):
    mimic_tree(tmp_path, suffix="")
    records = TABLES[table]()
    number = next(n for n, record in enumerate(records) if record["study_id"] == STUDY)
    records[number] |= change
    write_csv(tmp_path / f"mimic-cxr-2.0.0-{table}.csv", records)
    items = items_of(tmp_path)
    assert sorted(reasons(items)) == sorted(["row"] * 4 + [reason])
    (reject,) = (item for item in items if isinstance(item, Reject))
    assert reject.report_id in (f"s{STUDY}", "metadata row 3")


def test_a_film_named_twice_is_kept_once(tmp_path):
    mimic_tree(tmp_path, suffix="")
    records = mimic_metadata()
    write_csv(tmp_path / "mimic-cxr-2.0.0-metadata.csv", [*records, records[2]])
    assert sorted(reasons(items_of(tmp_path))) == ["duplicate id"] + ["row"] * 5


def test_lines_that_contradict_each_other_are_believed_neither(tmp_path):
    mimic_tree(tmp_path, suffix="")
    records = mimic_splits()
    write_csv(tmp_path / "mimic-cxr-2.0.0-split.csv", [*records, records[2] | {"split": "test"}])
    assert reasons(items_of(tmp_path))[2] == "contradictory lines in the split table"


@pytest.mark.parametrize("table", ["metadata", "split", "chexpert"])
def test_a_missing_table_is_one_error_that_names_it(tmp_path, table):
    mimic_tree(tmp_path)
    (tmp_path / f"mimic-cxr-2.0.0-{table}.csv.gz").unlink()
    with pytest.raises(InputError, match=rf"no mimic-cxr-2\.0\.0-{table}\.csv"):
        items_of(tmp_path)


@pytest.mark.parametrize("table", ["metadata", "split", "chexpert"])
def test_a_table_cut_short_is_one_error(tmp_path, table):
    path = mimic_tree(tmp_path) / f"mimic-cxr-2.0.0-{table}.csv.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="the table is damaged"):
        items_of(tmp_path)


def test_an_archive_of_reports_cut_short_is_one_error(tmp_path):
    path = mimic_tree(tmp_path, reports="mimic-cxr-reports.zip") / "mimic-cxr-reports.zip"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="the archive is damaged"):
        items_of(tmp_path)


@given(st.integers(0, 2**31))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_a_films_row_does_not_depend_on_the_order_of_lines(tmp_path, seed):
    rows = items_of(mimic_tree(tmp_path, suffix=""))
    shuffle = random.Random(seed).shuffle
    for table, lines in TABLES.items():
        records = lines()
        shuffle(records)
        write_csv(tmp_path / f"mimic-cxr-2.0.0-{table}.csv", records)
    assert {row.image_path: row for row in items_of(tmp_path)} == {row.image_path: row for row in rows}


@given(st.binary(max_size=40), st.integers(0, 1 << 20), st.integers(0, 20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_bytes_changed_anywhere_in_the_archive_are_an_error_or_rejects(tmp_path, noise, position, removed):
    path = tmp_path / "mimic-cxr-reports.zip"
    if not path.exists():
        mimic_tree(tmp_path, reports=path.name)
        write(tmp_path / "sound.zip", path.read_bytes())
    sound = (tmp_path / "sound.zip").read_bytes()
    at = position % len(sound)
    path.write_bytes(sound[:at] + noise + sound[at + removed :])
    try:
        items = items_of(tmp_path, images=False)
    except InputError:
        return
    assert len(items) == len(MIMIC_FILMS)
    assert set(reasons(items)) <= {
        "row",
        "missing report",
        "damaged report",
        "wrong encoding",
        "empty report",
    }


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_any_bytes_behind_a_header_are_rows_or_rejects(tmp_path, data):
    mimic_tree(tmp_path, suffix="")
    path = tmp_path / "mimic-cxr-2.0.0-metadata.csv"
    path.write_bytes(path.read_bytes() + data)
    items = items_of(tmp_path, images=False)
    assert reasons(items).count("row") == len(MIMIC_FILMS)
    assert all(isinstance(item, Row | Reject) for item in items)


def test_an_encrypted_report_is_a_reject(tmp_path):
    path = mimic_tree(tmp_path, reports="mimic-cxr-reports.zip") / "mimic-cxr-reports.zip"
    with zipfile.ZipFile(path) as archive:
        starts = [member.header_offset for member in archive.infolist()]
        central = archive.start_dir
    data = bytearray(path.read_bytes())
    data[starts[0] + 6] |= 1  # the flag of encryption, in the member's header and in the directory
    data[central + 8] |= 1
    path.write_bytes(data)
    assert reasons(items_of(tmp_path)) == ["damaged report"] * 2 + ["row"] * 3
