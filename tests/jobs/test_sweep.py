"""A sweep runs each point once, by what it is and not by when or where it was written down."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.storage import Storage
from diffcxr.errors import InputError
from jobs.command import main
from jobs.sweep_plan import read_plan

DIFFCXR = Path(sys.executable).with_name("diffcxr")
THREE = """
job: generate
base: {corpus: %s, model: "null", batch_size: 4, images_per_shard: 8}
grid:
  guidance: [1, 2, 4]
"""
TWO_STEPS = """
steps:
  - {job: corpus, name: reports, base: {source: {name: phantom, rows: 6, images: false}}}
  - {job: corpus, name: copy, base: {source: phantom, source.rows: 4, name: "of {reports}"}}
points:
  - {reports.source.seed: 1}
  - {reports.source.seed: 2, copy.source.seed: 2}
"""


def fingerprints(plan: str) -> list[str]:
    return [point.fingerprint for point in read_plan(plan, "plan.yaml")]


def results(output: Path) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = json.loads((output / "results.json").read_text())
    return listed


def test_a_sweep_killed_and_started_again_ends_with_every_result_and_repeats_none(tmp_path: Path) -> None:
    reports, plan, output = tmp_path / "reports", tmp_path / "plan.yaml", tmp_path / "sweep"
    rows = ["source=phantom", "source.rows=24", "source.images=false"]
    assert main(["corpus", *rows, f"output={reports}"]) == 0
    plan.write_text(THREE % reports)
    command = [str(DIFFCXR), "sweep", f"plan={plan}", f"output={output}"]

    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as first:
        assert first.stderr is not None
        for line in first.stderr:
            if line.startswith("point 2 of 3"):
                break
        first.send_signal(signal.SIGKILL)
    done = sorted(output.glob("points/*/result.json"))
    assert len(done) == 1
    before = {path: path.stat().st_mtime_ns for path in done[0].parent.rglob("*") if path.is_file()}

    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    started = [line for line in second.stderr.splitlines() if line.startswith("point ")]
    assert started == ["point 2 of 3: guidance=2", "point 3 of 3: guidance=4"]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(results(output)) == 3
    assert len({point["fingerprint"] for point in results(output)}) == 3

    third = subprocess.run(command, capture_output=True, text=True, check=False)
    assert third.returncode == 0
    assert third.stderr == ""
    assert third.stdout.count("done before") == 3


def test_steps_use_the_outputs_of_earlier_ones(tmp_path: Path, uri: str) -> None:
    (tmp_path / "plan.yaml").write_text(TWO_STEPS)
    assert main(["sweep", f"plan={tmp_path}/plan.yaml", f"output={uri}"]) == 0
    storage = Storage.at(uri)
    for result in json.loads(storage.read("results.json")):
        reports, copy = (storage.child(step["output"]) for step in result["steps"])
        assert json.loads(copy.read("corpus.json"))["name"] == f"of {reports.uri}"


def test_a_new_point_joins_the_registry(tmp_path: Path) -> None:
    plan, output = tmp_path / "plan.yaml", tmp_path / "sweep"
    text = "job: corpus\nbase: {source: phantom, source.rows: 3, source.images: false}\n"
    plan.write_text(text + "points: [{source.seed: 1}]\n")
    assert main(["sweep", f"plan={plan}", f"output={output}"]) == 0
    plan.write_text(text + "points: [{source.seed: 2}]\n")
    assert main(["sweep", f"plan={plan}", f"output={output}"]) == 0
    assert {point["point"] for point in results(output)} == {"source.seed=1", "source.seed=2"}


def test_a_point_is_what_it_sets_however_it_is_written() -> None:
    grid = THREE % "c"
    points = 'job: generate\nbase: {model: "null"}\npoints:\n'
    for value in ("4.0", "'2'", "1.00"):
        points += f"  - {{guidance: {value}, batch_size: 4, images_per_shard: '8', corpus: c}}\n"
    assert fingerprints(points) == fingerprints(grid)[::-1]
    assert len(set(fingerprints(grid))) == 3
    assert fingerprints(grid.replace("guidance: [1", "guidance: [1.5"))[1:] == fingerprints(grid)[1:]


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("job: [", "plan is not YAML: plan.yaml, line 1"),
        ("- a", "plan with unknown keys"),
        ("job: generate\ngird: {}", "plan with unknown keys"),
        ("grid: {seed: [1]}", "plan without its job"),
        ("job: verify\ngrid: {seed: [1]}", "'verify' cannot be swept"),
        ("job: generate", "plan without points"),
        ("job: generate\ngrid: {seed: 1}", "plan without points"),
        (
            "job: generate\ngrid: {sede: [1]}",
            "unknown option: plan.yaml, generate at sede=1: sede. Did you mean",
        ),
        ("job: generate\nbase: {corpus: c}\ngrid: {guidance: [-1]}", "-1.0 is not allowed"),
        ("job: generate\nbase: {corpus: c, output: o}\ngrid: {seed: [1]}", "a plan gives no output"),
        ("job: generate\nbase: {corpus: c}\ngrid: {seed: [1, 1]}", "the same point twice"),
        (TWO_STEPS.replace("name: copy", "name: reports"), "two steps of one name"),
        (TWO_STEPS.replace("{reports.source.seed: 1}", "{seed: 1}"), "no step has seed"),
    ],
)
def test_a_plan_that_cannot_be_run_is_one_line(plan: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_plan(plan, "plan.yaml")
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_a_missing_plan_is_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", f"plan={tmp_path}/none.yaml", f"output={tmp_path}/out"]) == 2
    assert "none.yaml" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_plans_of_the_how_to_can_be_run() -> None:
    text = (Path(__file__).parents[2] / "docs" / "sweep.md").read_text()
    grid, steps = (read_plan(block.split("```")[0], "docs") for block in text.split("```yaml\n")[1:])
    assert len(grid) == 6
    assert [point.label for point in steps][-1] == "images.guidance=2 images.steps=50"
