"""Generate: the same corpus for any number of workers, resumed, refused, and never half-written."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import ray

from cluster.corpus import Corpus
from cluster.run_record import read_record
from cluster.schema import rows_from_table
from cluster.session import connect
from cluster.storage import Storage
from cluster.usage import read_usage
from cluster.verification import Tally, check_shards, take_inventory
from diffcxr.errors import IncompleteError, RefusedError
from jobs import generate, status
from jobs.command import main
from tests.cluster.stable_diffusion import write_stable_diffusion
from tests.committed import committed_objects
from tests.generated_run import generated_run
from tests.jobs.generations import config_for
from tests.reports_corpus import reports_corpus

DIFFCXR = Path(sys.executable).with_name("diffcxr")


@pytest.fixture(scope="module")
def session() -> Iterator[None]:
    with connect(num_cpus=2):
        yield


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return reports_corpus(tmp_path / "reports", reports=20)


def exported(label: str) -> dict[str, float]:
    """What this node's metrics port shows of the series with a label; waits for Ray's next report."""
    node = ray.nodes()[0]
    address = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    found: dict[str, float] = {}
    end = time.monotonic() + 60
    while "ray_diffcxr_denoising_seconds_total" not in found and time.monotonic() < end:
        time.sleep(0.5)
        with urllib.request.urlopen(address, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        found = {line.partition("{")[0]: float(line.split()[-1]) for line in lines if label in line}
    return found


def problems(output: Path) -> list[str]:
    inventory = take_inventory(Storage.at(output))
    tally = Tally()
    for check in check_shards(inventory):
        tally.add(check, inventory.planned("samples_per_report"))
    tally.finish(inventory)
    return tally.damage + tally.missing


def test_one_worker_two_workers_and_no_cluster_make_the_same_bytes(
    session: None, corpus: Corpus, tmp_path: Path
) -> None:
    for workers in (1, 2):
        summary = generate.run(
            config_for(corpus, tmp_path / f"{workers}", workers, samples_per_report=2, steps=2)
        )
        assert (summary.exit_code, summary.values["images"], summary.values["made_now"]) == (0, 40, 40)
    generated_run(corpus, tmp_path / "0", samples_per_report=2)
    assert (
        committed_objects(tmp_path / "1")
        == committed_objects(tmp_path / "2")
        == committed_objects(tmp_path / "0")
    )
    assert not problems(tmp_path / "1")


def test_a_foreign_diffusers_pipeline_makes_films_that_can_be_made_again(
    session: None, corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, output = write_stable_diffusion(tmp_path / "model"), tmp_path / "out"
    settings = ["steps=2", "batch_size=4", "images_per_shard=6", "limit=8", "workers.max=1"]
    assert main(["generate", f"corpus={corpus.uri}", f"output={output}", f"model={model}", *settings]) == 0
    rows = [row for table in Corpus.open(output).tables() for row in rows_from_table(table)]
    assert len(rows) == len({row.image for row in rows}) == 8
    last = rows[-1].report_id  # in a batch that was padded
    capsys.readouterr()
    assert main(["reproduce", f"output={output}", f"report_id={last}", f"model={model}"]) == 0
    assert re.search(r"bytes_agree +yes", capsys.readouterr().out)


def test_the_same_command_goes_on_where_the_run_was_left(
    session: None, corpus: Corpus, tmp_path: Path
) -> None:
    generated_run(corpus, tmp_path / "whole", batch_size="auto", images_per_shard="auto")
    generated_run(corpus, tmp_path / "out", units=1, batch_size="auto", images_per_shard="auto")
    config = config_for(corpus, tmp_path / "out", batch_size="auto", images_per_shard="auto", steps=2)
    assert generate.run(config).values["made_now"] == 4
    assert committed_objects(tmp_path / "out") == committed_objects(tmp_path / "whole")


def test_a_run_tells_its_events_and_counts_for_prometheus_without_a_word_of_a_report(
    session: None, corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {3: " ", 4: "A shadow that is told nowhere else."}
    corpus = reports_corpus(tmp_path / "more", reports=20, texts=texts)
    assert generate.run(config_for(corpus, tmp_path / "out", log="json", max_rejected=1)).exit_code == 0
    said = capsys.readouterr().err
    assert "shadow" not in said
    events = [json.loads(line) for line in said.splitlines()]
    assert events[0]["event"] == "worker ready"
    units = [event for event in events if event["event"] == "unit"]
    assert sorted(event["unit"] for event in units) == list(range(4))
    assert sum(event["rows"] for event in units) == 19
    assert [event["rejects"] for event in units if event["rejects"]] == [{"empty prompt": 1}]
    assert events[-1]["event"] == "worker ended" and events[-2]["event"] == "run ended"
    run = read_record(Storage.at(tmp_path / "out"))
    assert run is not None
    series = exported(f'run="{run.plan_hash[:12]}"')
    assert series["ray_diffcxr_images_total"] == 19 and series["ray_diffcxr_units_total"] == 4
    assert series["ray_diffcxr_rejects_total"] == 1 and series["ray_diffcxr_denoising_seconds_total"] > 0


def test_more_rejects_than_allowed_is_exit_3_and_the_corpus_is_whole(session: None, tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "reports", reports=20, texts={3: " "})
    config = config_for(corpus, tmp_path / "out", max_rejected=0.01)
    summary = generate.run(config)
    assert (summary.exit_code, summary.values["images"]) == (3, 19)
    assert "1 of 20 samples were rejected" in summary.note
    assert not problems(tmp_path / "out")
    config.max_rejected = 0.05
    assert generate.run(config).exit_code == 0


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(
    session: None, corpus: Corpus, tmp_path: Path
) -> None:
    config = config_for(corpus, tmp_path / "out", dry_run=True, samples_per_report=3, price_per_hour=7.2)
    values = generate.run(config).values
    assert (values["samples"], values["samples_left"], values["units"], values["shards"]) == (60, 60, 10, 10)
    assert values["core_hours"] == pytest.approx(60 / values["images_per_second_a_worker"] / 3600)
    assert values["cost"] == pytest.approx(7.2 * values["core_hours"])
    assert values["cost_per_thousand_images"] == pytest.approx(values["cost"] * 1000 / 60)
    assert not (tmp_path / "out").exists()


def test_a_dry_run_counts_no_more_workers_than_there_are_units_left(
    session: None, corpus: Corpus, tmp_path: Path
) -> None:
    config = config_for(corpus, tmp_path / "out", workers=2)
    assert generate.run(config).exit_code == 0
    for path in ("shards/00000.parquet", "corpus.json"):
        (tmp_path / "out" / path).unlink()
    values = generate.run(replace(config, dry_run=True)).values
    assert (values["workers"], values["samples_left"]) == (1, values["images_per_shard"])


def test_a_run_stops_before_it_costs_more_and_goes_on_with_more_money(
    session: None, corpus: Corpus, tmp_path: Path
) -> None:
    money = {"price_per_hour": 3600.0, "max_cost": 0.001}
    config = config_for(corpus, tmp_path / "out", images_per_shard=1, steps=2, **money)
    with pytest.raises(IncompleteError, match=r"max_cost=0\.001") as stopped:
        generate.run(config)
    assert "larger max_cost" in str(stopped.value) and "\n" not in str(stopped.value)
    begun = committed_objects(tmp_path / "out")
    assert not any(path.endswith(".parquet") for path in begun) and "corpus.json" not in begun
    seconds = sum(usage.worker_seconds for usage in read_usage(Storage.at(tmp_path / "out")))
    with pytest.raises(
        IncompleteError, match=r"max_cost=0\.002"
    ):  # what the first call cost is not forgotten
        generate.run(replace(config, max_cost=0.002))
    assert committed_objects(tmp_path / "out") == begun
    summary = generate.run(replace(config, max_cost=3600.0))
    assert (summary.exit_code, summary.values["images"]) == (0, 20)
    assert summary.values["cost"] > seconds > 0.001
    generated_run(corpus, tmp_path / "whole", images_per_shard=1)
    assert committed_objects(tmp_path / "out") == committed_objects(tmp_path / "whole")
    values = status.run(status.Config(output=str(tmp_path / "out"))).values
    assert values["cost"] == summary.values["cost"]
    assert values["cost_per_thousand_images"] == pytest.approx(values["core_hours"] * 3600 * 1000 / 20)


def test_a_grown_corpus_is_continued_and_a_reject_tried_again(session: None, tmp_path: Path) -> None:
    small = reports_corpus(tmp_path / "small", texts={2: ""})
    grown = reports_corpus(tmp_path / "grown", reports=14, texts={2: ""})
    generated_run(small, tmp_path / "first")
    exclude = str(tmp_path / "first")
    assert generate.run(config_for(grown, tmp_path / "second", exclude=exclude)).values["images"] == 4
    command = ["verify", f"output={tmp_path / 'second'}", f"corpus={grown.uri}"]
    assert main(command) == 0
    with pytest.raises(RefusedError, match=r"plan\.exclude is \".*\" there and absent here"):
        generate.run(config_for(grown, tmp_path / "second"))
    again = config_for(small, tmp_path / "again", parent=exclude, rejected="retry", prompt="{view}")
    assert generate.run(again).values["images"] == 1
    assert Corpus.open(tmp_path / "again").read(0)["report_id"].to_pylist() == ["study-002"]


def test_generate_works_in_a_folder_that_holds_foreign_packages(corpus: Corpus, tmp_path: Path) -> None:
    for package in ("eval", "jobs", "cluster"):
        (tmp_path / "here" / package).mkdir(parents=True)
        (tmp_path / "here" / package / "__init__.py").write_text("raise RuntimeError('a foreign package')\n")
    command = [str(DIFFCXR), "generate", "corpus=../reports", "output=out", "model=null"]
    done = subprocess.run(command, cwd=tmp_path / "here", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Corpus.open(tmp_path / "here" / "out").rows == 20
