import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from cluster import ingest
from cluster.corpus import Corpus
from cluster.schema import rows_from_table
from cluster.storage import Storage
from diffcxr.sources.row import Row
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
from tests.s3_server import s3_server

PHANTOM = ["source=phantom", "source.images=false", "workers=1"]


def contents(uri: str | Path) -> dict[str, bytes]:
    """Every object but the view that may tell of times and places."""
    storage = Storage.at(uri)
    return {
        stored.path: storage.read(stored.path) for stored in storage.list() if stored.path != "summary.json"
    }


def table(root: Path, lines: list[str], films: int = 3) -> Path:
    """A data set of `films` films and a table with these lines."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    for number in range(films):
        (root / "images" / f"{number}.png").write_bytes(png(number))
    (root / "metadata.csv").write_text("\n".join(["image,report_id,patient_id,text", *lines, ""]))
    return root


HERE = f"source.root={Path(__file__).parent}"  # a folder that holds none of the published sets
THREE = [f"images/{i}.png,r{i},p{i},heart size normal" for i in range(3)]


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """What was complained of: exactly one line, beside progress."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("diffcxr corpus:")]
    assert len(lines) == 1
    return lines[0]


def test_the_embedded_world_becomes_a_corpus(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", *PHANTOM, "source.rows=25", "shard_rows=10", f"output={uri}"]) == 0
    corpus = Corpus.open(uri)
    assert (corpus.rows, [shard.rows for shard in corpus.shards]) == (25, [10, 10, 5])
    assert len({row.report_id for t in corpus.tables() for row in rows_from_table(t)}) == 25
    summary = json.loads(Storage.at(uri).read("summary.json"))
    assert (summary["rows"], summary["rejected"], summary["digest"]) == (25, 0, corpus.digest)
    assert "25" in capsys.readouterr().out


def test_films_are_drawn_unless_reports_alone_are_wanted(tmp_path: Path) -> None:
    assert main(["corpus", "source=phantom", "source.rows=2", "workers=1", f"output={tmp_path}/films"]) == 0
    assert main(["corpus", *PHANTOM, "source.rows=2", f"output={tmp_path}/reports"]) == 0
    films, reports = (Corpus.open(tmp_path / name).read(0) for name in ("films", "reports"))
    assert films["image"].null_count == 0 and reports["image"].null_count == 2
    assert films["text"].to_pylist() == reports["text"].to_pylist()


def test_one_command_makes_one_corpus_wherever_it_runs(uri: str, tmp_path: Path) -> None:
    for output, workers in ((uri, 1), (tmp_path / "elsewhere", 2)):
        arguments = [
            "source=phantom",
            "source.size=32",
            "source.rows=130",
            "shard_rows=70",
            f"workers={workers}",
        ]
        assert main(["corpus", *arguments, f"output={output}"]) == 0
    assert contents(uri) == contents(tmp_path / "elsewhere")


def test_a_killed_job_goes_on_and_ends_with_the_bytes_of_an_undisturbed_one(tmp_path: Path) -> None:
    arguments = ["corpus", *PHANTOM, "source.rows=1500", "shard_rows=50"]
    command = [sys.executable, "-m", "jobs.command", *arguments, f"output={tmp_path}/killed"]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("killed/shards/*2.parquet")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = set(Storage.at(tmp_path / "killed").list("shards"))
    assert 0 < len(before) < 30 and not (tmp_path / "killed" / "corpus.json").exists()

    assert main([*arguments, f"output={tmp_path}/killed"]) == 0
    assert before < set(Storage.at(tmp_path / "killed").list("shards"))  # none was written again
    assert main([*arguments, f"output={tmp_path}/undisturbed"]) == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "undisturbed")


def test_two_drivers_at_once_both_end_well_and_the_corpus_is_whole(s3_uri: str) -> None:
    arguments = ["corpus", *PHANTOM, "source.rows=300", "shard_rows=20", f"output={s3_uri}"]
    command = [sys.executable, "-m", "jobs.command", *arguments]
    drivers = [subprocess.Popen(command, cwd=Path(__file__).parents[2]) for _ in range(2)]
    assert [driver.wait(timeout=300) for driver in drivers] == [0, 0]
    assert main(["verify", f"output={s3_uri}"]) == 0
    assert Corpus.open(s3_uri).rows == 300


def test_a_store_that_goes_away_on_the_way_is_incomplete_and_not_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with s3_server() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        drawn = ingest.table_from_rows

        def fail_at_the_third(rows: Sequence[Row]) -> pa.Table:
            if rows[0].report_id.endswith("20"):
                os.kill(server.pid, signal.SIGKILL)
            return drawn(rows)

        monkeypatch.setattr(ingest, "table_from_rows", fail_at_the_third)
        arguments = [*PHANTOM, "source.rows=50", "shard_rows=10", f"output=s3://{server.bucket}/x"]
        assert main(["corpus", *arguments]) == 3
    line = one_line(capsys)
    assert "the store does not answer" in line and "run the same command again" in line


def test_another_run_on_the_same_output_is_refused_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = f"output={tmp_path}/out"
    assert main(["corpus", *PHANTOM, "source.rows=4", "source.seed=1", output]) == 0
    before = contents(tmp_path / "out")
    capsys.readouterr()
    assert main(["corpus", *PHANTOM, "source.rows=5", "source.seed=2", output]) == 4
    line = one_line(capsys)
    assert "pixels.seed is 1 there and 2 here" in line and "plan.rows is 4 there and 5 here" in line
    assert contents(tmp_path / "out") == before


def test_the_same_command_on_a_finished_corpus_changes_nothing(tmp_path: Path) -> None:
    arguments = ["corpus", *PHANTOM, "source.rows=4", f"output={tmp_path}/out"]
    assert main(arguments) == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}
    assert main(arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")} == before


def test_a_corpus_that_somebody_else_made_is_left_alone(tmp_path: Path) -> None:
    assert main(["corpus", *PHANTOM, "source.rows=4", f"output={tmp_path}/out"]) == 0
    (tmp_path / "out" / "run.json").unlink()
    assert main(["corpus", *PHANTOM, "source.rows=4", f"output={tmp_path}/out"]) == 4
    assert not (tmp_path / "out" / "run.json").exists()


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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["source=phantom"], "source.rows"),
        (["source=iu_xray"], "source.root"),
        (["source=table", "source.root=/no/such/place"], "/no/such/place"),
        (["source=no_such_set"], "no_such_set"),
        (["source=mimic_cxr", HERE, "source.labels=nobody"], "source.labels"),
        (["source=mimic_cxr", HERE], "mimic-cxr-2.0.0-split.csv"),
        (["source=chexpert", HERE], "train.csv"),
        (["source=nih_cxr14", HERE], "Data_Entry_2017_v2020.csv"),
        (["source=phantom", "source.rows=0"], "source.rows"),
        (["source=phantom", "source.rows=3", "source.artefacts=2"], "artefacts"),
        (["source=phantom", "source.rows=3", "shard_rows=0"], "shard_rows"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["corpus", *arguments, f"output={tmp_path}/out"]) == 2
    assert words in one_line(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("output", ["/proc/diffcxr", "s3:/bucket/x", "s4://bucket/x"])
def test_an_output_that_cannot_be_written_is_told_before_the_work(
    capsys: pytest.CaptureFixture[str], output: str
) -> None:
    assert main(["corpus", *PHANTOM, "source.rows=1000000", f"output={output}"]) == 2
    assert output in one_line(capsys)
