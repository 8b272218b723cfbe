import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from diffcxr.errors import InputError
from diffcxr.sources.files import LocalFiles
from diffcxr.sources.row import Reject, Row
from diffcxr.sources.table import table_rows
from tests.diffcxr.sources.trees import film, write_csv


def rows_of(root):
    return list(table_rows(LocalFiles(root)))


def test_every_column_of_the_schema_is_taken(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.jpg").write_bytes(film(kind="JPEG"))
    record = {
        "image": "films/a.jpg",
        "report_id": "s1",
        "sample_index": "2",
        "patient_id": "p1",
        "text": "Small ___ effusion.",
        "findings": "A small effusion.",
        "impression": "Effusion.",
        "view": "AP Supine",
        "sex": "female",
        "age": "058Y",
        "split": "val",
        "note": "ignored",
    }
    write_csv(tmp_path / "metadata.csv", [record])
    (row,) = rows_of(tmp_path)
    assert row.labels["Pleural Effusion"] == 1
    assert row == Row(
        report_id="s1",
        sample_index=2,
        patient_id="p1",
        text="Small effusion.",
        findings="A small effusion.",
        impression="Effusion.",
        labels=row.labels,
        view="AP",
        sex="F",
        age=58.0,
        split="validate",
        image=film(kind="JPEG"),
        image_path="films/a.jpg",
    )


def test_parquet_and_csv_of_one_table_give_one_set_of_rows(tmp_path):
    records = [
        {"report_id": f"s{n}", "text": f"Nodule {n}.", "age": 40.0 + n, "view": "PA"} for n in range(150)
    ]
    for kind in ("csv", "parquet"):
        (tmp_path / kind).mkdir()
    write_csv(tmp_path / "csv" / "metadata.csv", records)
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "parquet" / "metadata.parquet")
    assert rows_of(tmp_path / "csv") == rows_of(tmp_path / "parquet")


def test_parquet_may_carry_images_and_label_structs(tmp_path):
    record = {
        "text": "",
        "image": {"bytes": film(), "path": "x.png"},
        "labels": {"Edema": 1, "Fracture": None},
    }
    pq.write_table(pa.Table.from_pylist([record | {"report_id": "s"}]), tmp_path / "metadata.parquet")
    (row,) = rows_of(tmp_path)
    assert (row.image, row.image_path, row.labels["Edema"]) == (film(), "x.png", 1)


def test_label_columns_come_before_the_labeler(tmp_path):
    record = {
        "report_id": "s",
        "text": "Effusion.",
        "y_Effusion": "0",
        "Lung Opacity": "-1.0",
        "edema": "",
        "y_Hernia": "1",
    }
    write_csv(tmp_path / "metadata.csv", [record])
    (row,) = rows_of(tmp_path)
    assert {name: value for name, value in row.labels.items() if value is not None} == {
        "Pleural Effusion": 0,
        "Lung Opacity": -1,
    }


def test_ids_in_a_column_of_numbers_with_gaps_are_whole_numbers(tmp_path):
    columns = {
        "report_id": [50414267.0, None, float("nan")],
        "text": ["Clear."] * 3,
        "age": [58.5, None, 60.0],
    }
    pq.write_table(pa.table(columns), tmp_path / "metadata.parquet")
    rows = rows_of(tmp_path)
    assert [(row.report_id, row.age) for row in rows] == [
        ("50414267", 58.5),
        ("row 2", None),
        ("row 3", 60.0),
    ]


def test_the_image_folders_of_the_datasets_library_are_read(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(film())
    write_csv(tmp_path / "metadata.csv", [{"file_name": f"{name}.png", "text": "Clear."} for name in "ab"])
    assert [(row.report_id, row.image_path) for row in rows_of(tmp_path)] == [("a", "a.png"), ("b", "b.png")]


def test_films_of_one_report_are_numbered_and_nameless_reports_take_the_film_name(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(film())
    write_csv(
        tmp_path / "metadata.csv",
        [{"image": f"{n}.png", "report_id": r, "text": ""} for n, r in (("a", "s"), ("b", "s"), ("c", ""))],
    )
    assert [(row.report_id, row.sample_index, row.text, row.labels) for row in rows_of(tmp_path)] == [
        ("s", 0, "", None),
        ("s", 1, "", None),
        ("c", 0, "", None),
    ]


REJECTS = [
    ({"image": "none.png"}, "missing image"),
    ({"image": "../secret.png"}, "image path leaves the root"),
    ({"image": "/etc/passwd"}, "image path leaves the root"),
    ({"image": "s3://elsewhere/a.png"}, "image path leaves the root"),
    ({"image": "x" * 300 + ".png"}, "missing image"),
    ({"image": "text.png"}, "unreadable image"),
    ({"image": "cut.png"}, "unreadable image"),
    ({"image": "empty.png"}, "unreadable image"),
    ({"image": "image.gif"}, "unreadable image"),
    ({"text": "", "image": ""}, "empty report"),
    ({"text": "XXXX.", "image": ""}, "empty report"),
    ({"sample_index": "first"}, "sample_index is no number"),
    ({"sample_index": "-1"}, "sample_index is no number"),
    ({"report_id": "before"}, "duplicate id"),
    ({"image": "before.png"}, "duplicate id"),
]


@pytest.mark.parametrize(("change", "reason"), REJECTS)
def test_a_bad_line_is_a_reasoned_reject_between_good_ones(tmp_path, change, reason):
    for name in ("before", "after", "middle"):
        (tmp_path / f"{name}.png").write_bytes(film())
    (tmp_path / "text.png").write_text("not a film")
    (tmp_path / "cut.png").write_bytes(film()[:-20])
    (tmp_path / "empty.png").write_bytes(b"")
    Image.new("L", (8, 8)).save(tmp_path / "image.gif")
    line = {"image": "middle.png", "report_id": "middle", "sample_index": "0", "text": "A nodule."}
    sound = [{**line, "image": f"{name}.png", "report_id": name} for name in ("before", "after")]
    write_csv(tmp_path / "metadata.csv", [sound[0], line | change, sound[1]])
    before, rejected, after = rows_of(tmp_path)
    assert (before.report_id, after.report_id) == ("before", "after")
    assert isinstance(rejected, Reject) and rejected.reason == reason


def test_an_image_too_large_to_decode_is_rejected(tmp_path):
    Image.new("1", (9000, 9000)).save(tmp_path / "bomb.png")
    write_csv(tmp_path / "metadata.csv", [{"image": "bomb.png", "text": ""}])
    assert rows_of(tmp_path) == [Reject(report_id="bomb", reason="image too large")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path, encoding):
    write_csv(
        tmp_path / "metadata.csv", [{"report_id": "s", "text": "Épanchement: effusion."}], encoding=encoding
    )
    assert [row.report_id for row in rows_of(tmp_path)] == ["s"]


def test_lines_in_another_encoding_ragged_or_huge_are_rejects(tmp_path):
    lines = [
        b"report_id,text",
        b"a,Clear.",
        "b,Caf\u00e9.".encode("latin-1"),
        b"c",
        b"d,Clear.,more",
        b"",
        b"e," + b"x" * 200_000,
        b'f,"two\nlines"',
        b"g,nul\x00l",
    ]
    (tmp_path / "metadata.csv").write_bytes(b"\n".join(lines))
    assert [getattr(item, "reason", None) or item.report_id for item in rows_of(tmp_path)] == [
        "a",
        "wrong encoding",
        "ragged line",
        "ragged line",
        "field too large",
        "f",
        "g",
    ]


@pytest.mark.parametrize("header", [b"", b"\xff\xfe\x00", b"a,b\n1,2", b"text,text\n1,2", b"x" * 200_000])
def test_a_table_without_a_usable_header_is_one_error(tmp_path, header):
    (tmp_path / "metadata.csv").write_bytes(header)
    with pytest.raises(InputError, match="table"):
        rows_of(tmp_path)


def test_a_parquet_table_cut_in_half_is_one_error(tmp_path):
    path = tmp_path / "metadata.parquet"
    pq.write_table(pa.table({"text": ["Clear."] * 1000}), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="no whole Parquet file"):
        rows_of(tmp_path)


def test_strings_of_a_parquet_table_that_are_no_text_are_rejects(tmp_path):
    good, bad = (
        pa.array([b"Clear."]).cast(pa.string()),
        pa.StringArray.from_buffers(1, *pa.array([b"\xff\xfe"]).buffers()[1:]),
    )
    pq.write_table(pa.table({"text": pa.chunked_array([good, bad, good])}), tmp_path / "metadata.parquet")
    assert [getattr(item, "reason", "row") for item in rows_of(tmp_path)] == ["row", "wrong encoding", "row"]


def test_a_folder_without_a_table_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"no metadata.csv"):
        rows_of(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
@given(st.binary(max_size=400))
def test_any_bytes_behind_a_header_are_rows_or_rejects(tmp_path, data):
    (tmp_path / "metadata.csv").write_bytes(b"report_id,image,text\n" + data)
    assert all(isinstance(item, Row | Reject) for item in rows_of(tmp_path))


@pytest.mark.shared
def test_every_real_film_becomes_a_row_with_its_labels_and_split(shared_data):
    rows = rows_of(shared_data / "cxr_256")
    assert len(rows) == 1202
    assert all(isinstance(row, Row) and row.image for row in rows)
    assert {row.split for row in rows} == {"train", "validate"}
    assert {row.view for row in rows} == {"PA", "AP"}
    assert len({(row.report_id, row.sample_index) for row in rows}) == 1202
    assert sum(row.labels["Cardiomegaly"] == 1 for row in rows) > 10
