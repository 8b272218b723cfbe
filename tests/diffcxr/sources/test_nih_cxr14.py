import dataclasses
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14
from diffcxr.sources.files import LocalFiles
from diffcxr.sources.nih_cxr14 import FINDINGS, nih_cxr14_rows
from diffcxr.sources.row import Reject, Row
from tests.diffcxr.sources.trees import NIH_FILMS, film, nih_lines, nih_tree, write, write_csv

TABLE = "Data_Entry_2017_v2020.csv"


def items_of(root, **options):
    return list(nih_cxr14_rows(LocalFiles(root), **options))


def reasons(items):
    return [getattr(item, "reason", "row") for item in items]


def test_a_row_holds_all_that_the_set_tells_of_a_film(tmp_path):
    first = items_of(nih_tree(tmp_path))[0]
    assert first == Row(
        report_id="00000001_000",
        patient_id="nih-00000001",
        text="",
        labels=dict.fromkeys(CHEXPERT_14) | {"Cardiomegaly": 1, "No Finding": 0},
        view="PA",
        sex="M",
        age=58.0,
        split="train",
        image=film(0),
        image_path="images/00000001_000.png",
    )


def test_findings_are_named_as_chexpert_names_them_and_the_unmentioned_is_null(tmp_path):
    told = [
        {name: value for name, value in row.labels.items() if value is not None}
        for row in items_of(nih_tree(tmp_path))
    ]
    assert told == [
        {"Cardiomegaly": 1, "No Finding": 0},
        {"No Finding": 1},
        {"Lung Lesion": 1, "Pleural Effusion": 1, "No Finding": 0},
        {"No Finding": 0},  # a hernia, which is none of CheXpert's findings
    ]


def test_ages_sexes_views_and_splits_are_read(tmp_path):
    rows = items_of(nih_tree(tmp_path))
    assert [(row.age, row.sex, row.view, row.split) for row in rows] == [
        (58.0, "M", "PA", "train"),
        (59.0, "M", "AP", "train"),
        (0.5, "F", "PA", "test"),
        (80.0, "F", "AP", "test"),
    ]


@pytest.mark.parametrize("table", [TABLE, f"{TABLE}.gz", "Data_Entry_2017.csv"])
@pytest.mark.parametrize("sex_column", ["Patient Gender", "Patient Sex"])
def test_each_published_table_gives_the_same_rows(tmp_path, table, sex_column):
    plain = items_of(nih_tree(tmp_path / "plain"))
    other = nih_tree(tmp_path / "other", table)
    write_csv(other / table, nih_lines(sex_column))
    assert items_of(other) == plain


@pytest.mark.parametrize("folder", ["images", "images_001/images", "images_012/images", "images/images_002"])
def test_films_are_found_in_whichever_folder_they_were_unpacked(tmp_path, folder):
    rows = items_of(nih_tree(tmp_path, folder=folder))
    assert [row.image_path for row in rows] == [f"{folder}/{name}" for name, *_ in NIH_FILMS]


def test_without_images_no_film_is_looked_for(tmp_path):
    rows = items_of(nih_tree(tmp_path))
    for path in tmp_path.rglob("*.png"):
        path.unlink()
    assert reasons(items_of(tmp_path)) == ["missing image"] * len(rows)
    assert items_of(tmp_path, images=False) == [
        dataclasses.replace(row, image=None, image_path=None) for row in rows
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Image Index": "film.png"}, "no valid id"),
        ({"Image Index": "../00000001_000.png"}, "no valid id"),
        ({"Patient ID": "one"}, "no valid id"),
        ({"Image Index": "00000003_000.png"}, "duplicate id"),
        ({"Image Index": "00000009_000.png"}, "not in the split lists"),
        ({"Finding Labels": "Edema|Unheard Of"}, "no valid label"),
        ({"Finding Labels": ""}, "no valid label"),
        ({"Finding Labels": "No Finding|Edema"}, "no valid label"),
    ],
)
def test_a_damaged_line_is_one_reasoned_reject(tmp_path, change, reason):
    nih_tree(tmp_path)
    first, *rest = nih_lines()
    write_csv(tmp_path / TABLE, [first | change, *rest])
    assert sorted(reasons(items_of(tmp_path))) == sorted(["row"] * 3 + [reason])


def test_an_age_of_centuries_costs_the_age_and_not_the_film(tmp_path):
    nih_tree(tmp_path)
    first, *rest = nih_lines()
    write_csv(tmp_path / TABLE, [first | {"Patient Age": "414Y"}, *rest])
    rows = items_of(tmp_path)
    assert reasons(rows) == ["row"] * len(rows)
    assert [row.age for row in rows].count(None) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [(None, "missing image"), (b"", "unreadable image"), (film()[:40], "unreadable image")],
)
def test_a_missing_or_damaged_film_is_a_reject_and_the_others_stay(tmp_path, data, reason):
    path = nih_tree(tmp_path) / "images" / NIH_FILMS[1][0]
    path.unlink()
    if data is not None:
        write(path, data)
    assert items_of(tmp_path)[1] == Reject(report_id="00000001_001", reason=reason)
    assert reasons(items_of(tmp_path)) == ["row", reason, "row", "row"]


def test_a_film_on_both_lists_is_in_no_split(tmp_path):
    nih_tree(tmp_path)
    write(tmp_path / "test_list.txt", "\n".join(name for name, *_ in NIH_FILMS[1:]))
    assert reasons(items_of(tmp_path))[1] == "contradictory lines in the split lists"


def test_without_split_lists_splits_are_null_and_with_one_alone_there_is_an_error(tmp_path):
    (nih_tree(tmp_path) / "test_list.txt").unlink()
    with pytest.raises(InputError, match=r"no test_list\.txt"):
        items_of(tmp_path)
    (tmp_path / "train_val_list.txt").unlink()
    assert {row.split for row in items_of(tmp_path)} == {None}


def test_where_a_list_is_empty_its_films_are_rejects(tmp_path):
    nih_tree(tmp_path)
    write(tmp_path / "train_val_list.txt", "")
    assert reasons(items_of(tmp_path)) == ["not in the split lists"] * 2 + ["row"] * 2


def test_a_missing_table_is_one_error(tmp_path):
    (nih_tree(tmp_path) / TABLE).unlink()
    with pytest.raises(InputError, match=r"no Data_Entry_2017_v2020\.csv or Data_Entry_2017\.csv"):
        items_of(tmp_path)


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_any_bytes_behind_a_header_are_rows_or_rejects(tmp_path, data):
    path = nih_tree(tmp_path) / TABLE
    path.write_bytes(path.read_bytes() + data)
    items = items_of(tmp_path)
    assert reasons(items).count("row") == len(NIH_FILMS)
    assert all(isinstance(item, Row | Reject) for item in items)


@pytest.mark.shared
def test_every_line_of_the_real_table_becomes_a_row(shared_data):
    rows = items_of(shared_data, images=False)
    assert len(rows) == 112_120 and all(isinstance(row, Row) for row in rows)
    assert len({row.report_id for row in rows}) == 112_120
    assert len({row.patient_id for row in rows}) == 30_805
    assert Counter(row.view for row in rows) == {"PA": 67_310, "AP": 44_810}
    assert Counter(row.sex for row in rows) == {"M": 63_340, "F": 48_780}
    assert (min(row.age for row in rows), max(row.age for row in rows)) == (0, 95)
    assert {row.split for row in rows} == {None}  # no lists lie beside it

    positive = Counter(name for row in rows for name in CHEXPERT_14 if row.labels[name] == 1)
    assert positive == {
        "No Finding": 60_361,
        "Lung Opacity": 19_894,
        "Pleural Effusion": 13_317,
        "Atelectasis": 11_559,
        "Lung Lesion": 11_207,  # 5,782 with a mass and 6,331 with a nodule, 906 with both
        "Pneumothorax": 5_302,
        "Consolidation": 4_667,
        "Pleural Other": 3_385,
        "Cardiomegaly": 2_776,
        "Edema": 2_303,
        "Pneumonia": 1_431,
    }
    assert all(row.labels["No Finding"] is not None for row in rows)
    assert set(positive) == {finding for finding in FINDINGS.values() if finding}


@pytest.mark.shared
def test_every_line_of_the_real_table_is_accounted_for_where_no_films_are_at_hand(shared_data):
    assert Counter(reasons(items_of(shared_data))) == {"missing image": 112_120}
