from pathlib import Path

import datasets
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.schema import ROW_SCHEMA, check_schema, rows_from_table, table_from_rows
from cluster.shard import encode_shard
from diffcxr.errors import InputError
from diffcxr.sources.row import Row
from tests.cluster.rows import any_row, rows

DESIGN_3 = ["report_id", "sample_index", "patient_id", "text", "findings", "impression", "labels"]
DESIGN_3 += ["view", "sex", "age", "split", "image", "seed"]


def test_the_columns_are_those_of_the_contract() -> None:
    assert ROW_SCHEMA.names == [*DESIGN_3, "truth"]
    assert [field.name for field in ROW_SCHEMA if not field.nullable] == ["report_id", "sample_index", "text"]


@given(st.lists(any_row, max_size=5))
def test_rows_survive_the_way_through_a_table(made: list[Row]) -> None:
    assert list(rows_from_table(table_from_rows(made))) == made


def test_rows_can_be_read_from_a_part_of_the_columns() -> None:
    table = table_from_rows(rows(2)).select(["report_id", "text"])
    assert [(row.report_id, row.text, row.image) for row in rows_from_table(table)] == [
        (row.report_id, row.text, None) for row in rows(2)
    ]


@pytest.mark.parametrize(
    "bad",
    [
        Row(report_id=None, text="x"),  # type: ignore[arg-type]
        Row(report_id="a", text=None),  # type: ignore[arg-type]
        Row(report_id="a", text="\ud800"),
        Row(report_id="a", text="x", sample_index=2**40),
        Row(report_id="a", text="x", age="old"),  # type: ignore[arg-type]
    ],
)
def test_a_value_that_no_column_can_hold_is_an_input_error_without_its_text(bad: Row) -> None:
    with pytest.raises(InputError, match="does not fit the corpus schema") as caught:
        table_from_rows([bad])
    assert "old" not in str(caught.value)


def test_other_columns_are_named() -> None:
    with pytest.raises(InputError, match="columns missing: truth"):
        check_schema(pa.schema(list(ROW_SCHEMA)[:-1]), "s3://bucket/x")


def test_hugging_face_shows_the_images_and_the_labels_without_help(tmp_path: Path) -> None:
    made = rows(3)
    (tmp_path / "00000.parquet").write_bytes(encode_shard(table_from_rows(made), "plan", 0))
    data = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "*.parquet"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert isinstance(data.features["image"], datasets.Image)
    assert data[2]["image"].getpixel((0, 0)) == 2
    assert data[0]["labels"]["Cardiomegaly"] == 0 and data[0]["labels"]["Edema"] is None
    assert data[1]["text"] == made[1].text and data[1]["truth"] is None
