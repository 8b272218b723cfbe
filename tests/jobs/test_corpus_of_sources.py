"""Tables, archives and published sets become corpora."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.corpus import Corpus
from cluster.schema import rows_from_table
from cluster.storage import Storage
from jobs.command import main
from tests.cluster.rows import png
from tests.diffcxr.sources.trees import (
    CHEXPERT_FILMS,
    MIMIC_FILMS,
    NIH_FILMS,
    chexpert_tree,
    mimic_tree,
    nih_tree,
)
from tests.jobs.corpora import THREE, contents, one_line, table


def test_a_table_with_bad_lines_becomes_rows_and_counted_rejects(
    uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = table(tmp_path / "set", [*THREE, "images/none.png,r8,p8,lungs clear", "images/0.png,r0,p0,again"])
    assert main(["corpus", "source=table", f"source.root={root}", f"output={uri}"]) == 0
    corpus = Corpus.open(uri)
    assert corpus.rows == 3 and sum(corpus.rejects.values()) == 2 and corpus.rejects["duplicate id"] == 1
    assert [row.image for t in corpus.tables() for row in rows_from_table(t)] == [png(0), png(1), png(2)]
    rejected = [json.loads(line) for line in Storage.at(uri).read("rejected.jsonl").splitlines()]
    assert {reject["report_id"] for reject in rejected} == {"r8", "r0"}
    assert "duplicate id" in capsys.readouterr().out


def test_a_data_set_in_a_bucket_gives_the_same_corpus_as_on_the_disk(s3_uri: str, tmp_path: Path) -> None:
    root = table(tmp_path / "set", THREE)
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        Storage.at(f"{s3_uri}/set").create(path.relative_to(root).as_posix(), path.read_bytes())
    for source, output in ((root, tmp_path / "a"), (f"{s3_uri}/set", f"{s3_uri}/b")):
        assert main(["corpus", "source=table", f"source.root={source}", f"output={output}"]) == 0
    assert contents(tmp_path / "a") == contents(f"{s3_uri}/b")


def test_an_unfinished_table_is_read_again_and_a_changed_one_is_refused(tmp_path: Path) -> None:
    root = table(tmp_path / "set", THREE)
    arguments = ["corpus", "source=table", f"source.root={root}", "shard_rows=1", f"output={tmp_path}/out"]
    assert main(arguments) == 0
    whole = contents(tmp_path / "out")
    for gone in ("corpus.json", "shards/00001.parquet"):
        (tmp_path / "out" / gone).unlink()
    assert main(arguments) == 0
    assert contents(tmp_path / "out") == whole

    table(root, THREE[:2])
    assert main(arguments) == 4  # another table: another run
    table(root, THREE)
    (root / "images" / "1.png").write_bytes(png(77))
    (tmp_path / "out" / "corpus.json").unlink()
    assert main(arguments) == 2  # the same names, another film


def test_no_row_at_all_is_an_input_error_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = table(tmp_path / "set", ["images/none.png,r8,p8,lungs clear"])
    assert main(["corpus", "source=table", f"source.root={root}", f"output={tmp_path}/out"]) == 2
    assert "no rows, and 1 rejected" in one_line(capsys)
    assert not (tmp_path / "out").exists()


def test_iu_xray_reports_come_out_of_their_archive(tmp_path: Path) -> None:
    report = (
        "<eCitation><uId id='CXR{0}'/><MedlineCitation><Article><Abstract>"
        "<AbstractText Label='FINDINGS'>{1}</AbstractText><AbstractText Label='IMPRESSION'></AbstractText>"
        "</Abstract></Article></MedlineCitation></eCitation>"
    )
    texts = ["The heart is of normal size.", "", "A small effusion lies on the left."]
    with tarfile.open(tmp_path / "reports.tgz", "w:gz") as archive:
        for number, text in enumerate(texts):
            (tmp_path / f"{number}.xml").write_text(report.format(number, text))
            archive.add(tmp_path / f"{number}.xml", f"ecgen-radiology/{number}.xml")
    source = ["source=iu_xray", f"source.root={tmp_path}/reports.tgz"]
    assert main(["corpus", *source, f"output={tmp_path}/out"]) == 0
    corpus = Corpus.open(tmp_path / "out")
    assert (corpus.rows, dict(corpus.rejects)) == (2, {"empty report": 1})
    assert corpus.manifest["licence"] == "CC-BY-NC-ND-4.0"


@pytest.mark.parametrize(
    ("name", "tree", "rows", "licence"),
    [
        ("mimic_cxr", mimic_tree, len(MIMIC_FILMS), "PhysioNet"),
        ("chexpert", chexpert_tree, len(CHEXPERT_FILMS), "Stanford"),
        ("nih_cxr14", nih_tree, len(NIH_FILMS), "NIH Clinical Center"),
    ],
)
def test_a_published_set_becomes_a_corpus_with_its_rejects_and_its_licence(
    tmp_path: Path, name: str, tree: Callable[[Path], Path], rows: int, licence: str
) -> None:
    root = tree(tmp_path / "set")
    next(path for path in sorted(root.rglob("*")) if path.suffix in (".jpg", ".png")).unlink()
    source = [f"source={name}", f"source.root={root}"]
    assert main(["corpus", *source, f"output={tmp_path}/films"]) == 0
    assert main(["corpus", *source, "source.images=false", f"output={tmp_path}/told"]) == 0
    films, told = Corpus.open(tmp_path / "films"), Corpus.open(tmp_path / "told")
    assert (films.rows, dict(films.rejects)) == (rows - 1, {"missing image": 1})
    assert (told.rows, dict(told.rejects)) == (rows, {})
    assert licence in str(films.manifest["licence"])


def test_whose_labels_they_are_is_part_of_what_a_corpus_of_mimic_cxr_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["corpus", "source=mimic_cxr", f"source.root={mimic_tree(tmp_path / 'set')}"]
    for labels in ("negbio", "labeler"):
        output = f"output={tmp_path}/{labels}"
        assert main([*arguments, f"source.labels={labels}", output]) == 0
    negbio, labeler = (Corpus.open(tmp_path / name) for name in ("negbio", "labeler"))
    assert negbio.digest != labeler.digest
    assert main([*arguments, f"output={tmp_path}/negbio"]) == 4
    assert 'pixels.labels is "negbio" there and "chexpert" here' in one_line(capsys)


@pytest.mark.shared
def test_the_shared_iu_xray_reports_are_all_accounted_for(shared_data: Path, s3_uri: str) -> None:
    source = ["source=iu_xray", f"source.root={shared_data}/NLMCXR_reports.tgz"]
    assert main(["corpus", *source, f"output={s3_uri}"]) == 0
    corpus = Corpus.open(s3_uri)
    assert corpus.rows + sum(corpus.rejects.values()) == 2365 and corpus.rows >= 0.97 * 2365
    assert main(["verify", f"output={s3_uri}"]) == 0
