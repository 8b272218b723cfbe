import csv
import io
import tarfile
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cluster.source_files import source_files
from cluster.storage import Storage
from diffcxr.sources.chexpert import chexpert_rows
from diffcxr.sources.files import LocalFiles
from diffcxr.sources.iu_xray import iu_xray_rows
from diffcxr.sources.mimic_cxr import mimic_cxr_rows
from diffcxr.sources.nih_cxr14 import nih_cxr14_rows
from diffcxr.sources.row import Reject, Row
from diffcxr.sources.table import table_rows
from tests.diffcxr.sources.test_iu_xray import study_xml
from tests.diffcxr.sources.trees import chexpert_tree, film, mimic_tree, nih_tree


def test_reports_and_their_films_are_read_from_a_bucket(s3_uri):
    storage = Storage.at(s3_uri)
    for number in (1, 2):
        storage.create(f"set/reports/{number}.xml", study_xml(number, films=(1001,)))
    storage.create("set/films/CXR1_IM-0001-1001.png", film())
    kept, missing = iu_xray_rows(source_files(f"{s3_uri}/set"))
    assert (kept.report_id, kept.image) == ("CXR1", film())
    assert missing == Reject(report_id="CXR2", reason="missing image")


def test_an_archive_is_read_from_a_bucket(s3_uri):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for number in range(3):
            member = tarfile.TarInfo(f"{number}.xml")
            data = study_xml(number)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    Storage.at(s3_uri).create("reports.tgz", buffer.getvalue())
    rows = list(iu_xray_rows(source_files(f"{s3_uri}/reports.tgz")))
    assert [row.report_id for row in rows] == ["CXR0", "CXR1", "CXR2"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_and_its_films_are_read_from_a_bucket(s3_uri, kind):
    records = [{"report_id": f"s{n}", "image": f"films/{n}.png", "text": "Nodule."} for n in range(3)]
    storage = Storage.at(s3_uri)
    table = io.BytesIO()
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(records), table)
    else:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
        table.write(text.getvalue().encode())
    storage.create(f"metadata.{kind}", table.getvalue())
    for number in (0, 2):
        storage.create(f"films/{number}.png", film())
    items = list(table_rows(source_files(s3_uri)))
    assert [getattr(item, "reason", "row") for item in items] == ["row", "missing image", "row"]
    assert items[2].image == film()


@pytest.mark.parametrize(
    ("tree", "rows_of"),
    [
        (mimic_tree, mimic_cxr_rows),
        (partial(mimic_tree, reports="mimic-cxr-reports.zip"), mimic_cxr_rows),
        (chexpert_tree, chexpert_rows),
        (partial(nih_tree, folder="images_001/images"), nih_cxr14_rows),
    ],
    ids=["mimic_cxr", "mimic_cxr, zipped reports", "chexpert", "nih_cxr14"],
)
def test_a_published_layout_gives_the_same_rows_in_a_bucket_as_on_a_disk(s3_uri, tmp_path, tree, rows_of):
    root = tree(tmp_path)
    for path in root.rglob("*"):
        if path.is_file():
            Storage.at(s3_uri).create(path.relative_to(root).as_posix(), path.read_bytes())
    stored = list(rows_of(source_files(s3_uri)))
    assert stored == list(rows_of(LocalFiles(root)))
    assert all(isinstance(row, Row) and row.image for row in stored)
