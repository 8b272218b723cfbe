import io

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from diffcxr.errors import InputError
from diffcxr.sources.files import LocalFiles
from diffcxr.sources.hugging_face import ColumnNames, hugging_face_rows
from diffcxr.sources.path_pattern import PathPattern
from diffcxr.sources.row import Reject, Row
from tests.diffcxr.sources.trees import film, write

FEATURES = datasets.Features(
    {"image": datasets.Image(), "report": datasets.Value("string"), "study_id": datasets.Value("int64")}
)


def rows_of(root, pattern=None, images=True, **names):
    pattern = pattern and PathPattern.parse(pattern)
    return list(hugging_face_rows(LocalFiles(root), ColumnNames(**names), pattern, images))


def data_set(count=5, first=0):
    """A data set of the library's own, with films as it holds them."""
    columns = {
        "image": [{"bytes": film(n), "path": f"{n}.png"} for n in range(first, first + count)],
        "report": [f"Nodule {n}." for n in range(first, first + count)],
        "study_id": list(range(first, first + count)),
    }
    return datasets.Dataset.from_dict(columns, features=FEATURES)


def told(rows):
    return [(row.report_id, row.text, row.image, row.split) for row in rows]


def expected(count=5, first=0, split=None):
    return [(str(n), f"Nodule {n}.", film(n), split) for n in range(first, first + count)]


def test_a_saved_data_set_becomes_rows(tmp_path):
    data_set().save_to_disk(tmp_path / "set", num_shards=2)
    assert told(rows_of(tmp_path / "set")) == expected()


def test_a_saved_dictionary_of_splits_becomes_rows_with_their_splits(tmp_path):
    splits = {"train": data_set(3), "validation": data_set(2, first=3)}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "set")
    rows = rows_of(tmp_path / "set")
    assert told(rows) == expected(3, split="train") + expected(2, 3, split="validate")


@pytest.mark.parametrize(
    ("path", "alone"),
    [
        ("data/test-00000-of-00001.parquet", "test"),
        ("default/test/0000.parquet", None),
        ("test.parquet", "test"),
    ],
)
def test_the_parquet_files_of_a_hub_repository_become_rows_with_their_split(tmp_path, path, alone):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    data_set().to_parquet(tmp_path / path)
    write(tmp_path / "README.md", "---\nlicense: mit\n---\n")
    assert told(rows_of(tmp_path)) == expected(split="test")
    assert told(rows_of(tmp_path / path)) == expected(split=alone)


def test_films_that_the_library_encoded_itself_keep_its_bytes(tmp_path):
    pictures = {"image": [Image.new("L", (8, 8), n) for n in range(3)]}
    features = datasets.Features({"image": datasets.Image()})
    datasets.Dataset.from_dict(pictures, features=features).to_parquet(tmp_path / "set.parquet")
    held = pq.read_table(tmp_path / "set.parquet")["image"].to_pylist()
    rows = rows_of(tmp_path)
    assert [row.image for row in rows] == [image["bytes"] for image in held]
    assert [row.report_id for row in rows] == ["row 1", "row 2", "row 3"]


def test_files_of_a_saved_set_that_its_state_does_not_name_are_no_part_of_it(tmp_path):
    data_set().save_to_disk(tmp_path / "set")
    cached = datasets.load_from_disk(tmp_path / "set").filter(lambda row: row["study_id"] > 2)
    assert len(cached) == 2 and list((tmp_path / "set").glob("cache-*.arrow"))
    assert told(rows_of(tmp_path / "set")) == expected()
    (tmp_path / "set" / "data-00000-of-00001.arrow").unlink()
    with pytest.raises(InputError, match="1 files that the data set names are missing"):
        rows_of(tmp_path / "set")


def test_columns_are_named_by_the_person_where_they_have_names_of_their_own(tmp_path):
    table = pa.table(
        {
            "film": [{"bytes": film(n), "path": None} for n in range(3)],
            "mask": [{"bytes": film(9), "path": None}] * 3,
            "words": ["Clear.", "A mass.", "An effusion."],
            "text": ["not this"] * 3,
            "uid": ["s0", "s1", "s2"],
            "Edema": [True, False, None],
            "embedding": [[0.5]] * 3,
        }
    )
    pq.write_table(table, tmp_path / "set.parquet")
    rows = rows_of(tmp_path, image="film", text="words", report_id="uid")
    assert told(rows) == [(f"s{n}", table["words"][n].as_py(), film(n), None) for n in range(3)]
    assert [row.labels["Edema"] for row in rows[:2]] == [1, 0]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ({}, "source.image_column. There are: film, mask, words."),
        ({"image": "picture"}, "no column 'picture'"),
        ({"image": "words"}, "column 'words' holds no images"),
        ({"image": "film", "text": "report"}, "no column 'report'"),
        ({"image": "film", "report_id": "uid"}, "There are: film, mask, words."),
    ],
)
def test_a_column_that_is_not_there_is_one_error_that_lists_those_that_are(tmp_path, names, says):
    pictures = [{"bytes": film(), "path": None}]
    pq.write_table(pa.table({"film": pictures, "mask": pictures, "words": ["x"]}), tmp_path / "set.parquet")
    with pytest.raises(InputError) as told_:
        rows_of(tmp_path, **names)
    assert says in str(told_.value) and str(tmp_path) in str(told_.value)


def test_without_an_id_a_film_goes_by_its_path(tmp_path):
    names = ["s1_0.png", "s1_1.png", "notes.png"]
    table = pa.table({"image": [{"bytes": film(n), "path": name} for n, name in enumerate(names)]})
    pq.write_table(table, tmp_path / "set.parquet")
    assert [row.report_id for row in rows_of(tmp_path)] == ["s1_0", "s1_1", "notes"]
    first, second, other = rows_of(tmp_path, "{report_id}_{sample_index}")
    assert [(row.report_id, row.sample_index) for row in (first, second)] == [("s1", 0), ("s1", 1)]
    assert other == Reject(report_id="notes", reason="path does not fit source.pattern")


def test_bad_films_are_reasoned_rejects_between_good_ones(tmp_path):
    films = [film(), None, b"no film", film()[:-20], film(1)]
    write(tmp_path / "beside.png", film(7))
    paths = [None, None, None, None, None, "beside.png", "/etc/passwd"]
    values = [{"bytes": data, "path": path} for data, path in zip([*films, None, None], paths, strict=True)]
    values.append(None)
    ids = [f"s{n}" for n in range(len(values))]
    pq.write_table(pa.table({"image": values, "id": ids}), tmp_path / "set.parquet")
    items = rows_of(tmp_path)
    assert [getattr(item, "reason", "row") for item in items] == [
        "row",
        "missing image",
        "unreadable image",
        "unreadable image",
        "row",
        "row",
        "image path leaves the root",
        "missing image",
    ]
    assert [item.report_id for item in items] == ids
    assert items[5].image == film(7)


def test_plain_bytes_are_films_and_without_images_none_is_read(tmp_path):
    pq.write_table(pa.table({"png": [film()], "text": ["Clear."]}), tmp_path / "set.parquet")
    assert told(rows_of(tmp_path)) == [("row 1", "Clear.", film(), None)]
    assert told(rows_of(tmp_path, images=False)) == [("row 1", "Clear.", None, None)]
    with pytest.raises(InputError, match="images"):
        pq.write_table(pa.table({"text": ["Clear."]}), tmp_path / "set.parquet")
        rows_of(tmp_path)


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_both_of_arrow_s_formats_are_read(tmp_path, kind):
    table = pa.table({"image": [film(n) for n in range(3)], "id": ["a", "b", "c"]})
    sink = io.BytesIO()
    write_to = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with write_to(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    write(tmp_path / "set.arrow", sink.getvalue())
    assert [row.report_id for row in rows_of(tmp_path)] == ["a", "b", "c"]
    for cut in (len(sink.getvalue()) // 2, 10):
        write(tmp_path / "set.arrow", sink.getvalue()[:cut])
        with pytest.raises(InputError, match="no whole Parquet or Arrow file"):
            rows_of(tmp_path)


def test_a_damaged_offset_in_an_arrow_file_is_an_error_and_does_not_end_the_process(tmp_path):
    ids = pa.array(["aaaa", "bbbb"])
    offsets = pa.array([0, 2**30, 8], pa.int32()).buffers()[1]
    damaged = pa.Array.from_buffers(pa.string(), 2, [None, offsets, ids.buffers()[2]])
    batch = pa.record_batch({"image": pa.array([film(), film()]), "id": damaged})
    with (tmp_path / "set.arrow").open("wb") as sink, pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(InputError, match="no whole Parquet or Arrow file"):
        rows_of(tmp_path)


@pytest.mark.parametrize("state", [b"{", b"{}", b'{"_data_files": [1]}'])
def test_a_state_that_names_no_files_is_an_error(tmp_path, state):
    write(tmp_path / "state.json", state)
    with pytest.raises(InputError, match="no state of a saved data set"):
        rows_of(tmp_path)


def test_a_folder_without_a_data_set_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no Parquet or Arrow files"):
        rows_of(tmp_path)


def test_every_item_is_a_row_or_a_reject(tmp_path):
    data_set(200).to_parquet(tmp_path / "set.parquet")
    rows = rows_of(tmp_path)
    assert len(rows) == 200 and all(isinstance(row, Row) for row in rows)
