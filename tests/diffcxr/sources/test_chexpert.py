import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diffcxr.errors import InputError
from diffcxr.sources.chexpert import chexpert_rows
from diffcxr.sources.files import LocalFiles
from diffcxr.sources.row import Reject, Row
from tests.diffcxr.sources.trees import CHEXPERT_FILMS, chexpert_lines, chexpert_tree, film, write, write_csv

FILM = CHEXPERT_FILMS[0][0]


def items_of(root, **options):
    return list(chexpert_rows(LocalFiles(root), **options))


def reasons(items):
    return [getattr(item, "reason", "row") for item in items]


def test_a_row_holds_all_that_the_set_tells_of_a_film(tmp_path):
    first = items_of(chexpert_tree(tmp_path))[0]
    assert {name: value for name, value in first.labels.items() if value is not None} == {"Edema": 1}
    assert first == Row(
        report_id="patient00001/study1",
        sample_index=0,
        patient_id="patient00001",
        text="",
        labels=first.labels,
        view="AP",
        sex="F",
        age=68.0,
        split="train",
        image=film(0, "JPEG"),
        image_path="train/patient00001/study1/view1_frontal.jpg",
    )


def test_films_of_a_study_are_numbered_frontal_first_and_train_comes_before_valid(tmp_path):
    rows = items_of(chexpert_tree(tmp_path))
    assert [(row.report_id, row.sample_index, row.view, row.sex, row.age, row.split) for row in rows] == [
        ("patient00001/study1", 0, "AP", "F", 68.0, "train"),
        ("patient00002/study1", 0, "PA", "M", 40.0, "train"),
        ("patient00002/study1", 1, "LATERAL", "M", 40.0, "train"),
        ("patient00002/study2", 0, None, None, None, "train"),  # a frontal film marked LL
        ("patient64541/study1", 0, "AP", "M", 73.0, "validate"),
    ]
    assert rows[1].labels["Fracture"] == -1 and rows[4].labels["No Finding"] == 0


def test_without_images_no_film_is_looked_for(tmp_path):
    rows = items_of(chexpert_tree(tmp_path))
    for path in tmp_path.rglob("*.jpg"):
        path.unlink()
    assert reasons(items_of(tmp_path)) == ["missing image"] * len(rows)
    assert items_of(tmp_path, images=False) == [
        dataclasses.replace(row, image=None, image_path=None) for row in rows
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Path": "CheXpert-v1.0-small/train/patient00001/view1_frontal.jpg"}, "no valid path"),
        ({"Path": "CheXpert-v1.0-small/train/patient00001/study1/../../../secret.jpg"}, "no valid path"),
        ({"Path": "CheXpert-v1.0-small/train/patient00001/study1/view2_frontal.jpg"}, "missing image"),
        ({"Path": "CheXpert-v1.0-small/train/patient00002/study2/view1_frontal.jpg"}, "duplicate id"),
        ({"Edema": "perhaps"}, "no valid label"),
        ({"Pleural Other": "0.5"}, "no valid label"),
    ],
)
def test_a_damaged_line_is_one_reasoned_reject(tmp_path, change, reason):
    chexpert_tree(tmp_path)
    first, *rest = chexpert_lines("train")
    write_csv(tmp_path / "train.csv", [first | change, *rest])
    items = items_of(tmp_path)
    assert sorted(reasons(items)) == sorted(["row"] * 4 + [reason])


@pytest.mark.parametrize("data", [b"", b"no film", film(kind="JPEG")[:-30]])
def test_a_damaged_film_is_a_reject_and_the_others_stay(tmp_path, data):
    write(chexpert_tree(tmp_path) / FILM, data)
    assert reasons(items_of(tmp_path)) == ["unreadable image", "row", "row", "row", "row"]


@pytest.mark.parametrize("table", ["train.csv", "valid.csv"])
def test_a_missing_table_is_one_error_before_any_row(tmp_path, table):
    (chexpert_tree(tmp_path) / table).unlink()
    with pytest.raises(InputError, match=f"no {table}"):
        next(chexpert_rows(LocalFiles(tmp_path)))


def test_a_table_without_one_of_the_findings_is_one_error(tmp_path):
    chexpert_tree(tmp_path)
    lines = [{k: v for k, v in line.items() if k != "Fracture"} for line in chexpert_lines("valid")]
    write_csv(tmp_path / "valid.csv", lines)
    with pytest.raises(InputError, match=r"lacks a column.*Fracture"):
        items_of(tmp_path)


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_any_bytes_behind_a_header_are_rows_or_rejects(tmp_path, data):
    path = chexpert_tree(tmp_path) / "train.csv"
    path.write_bytes(path.read_bytes() + data)
    items = items_of(tmp_path)
    assert reasons(items).count("row") == len(CHEXPERT_FILMS)
    assert all(isinstance(item, Row | Reject) for item in items)
