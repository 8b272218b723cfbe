import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from cluster import ingest
from cluster.corpus import Corpus
from cluster.schema import rows_from_table
from cluster.storage import Storage
from diffcxr.sources.row import Row
from jobs.command import main
from tests.jobs.corpora import contents, one_line
from tests.s3_server import s3_server

PHANTOM = ["source=phantom", "source.images=false", "workers=1"]
HERE = f"source.root={Path(__file__).parent}"  # a folder that holds none of the published sets


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
