"""What the repository promises of itself: pinned versions, safe loading, nothing of its maker's machine."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.command import JOBS

ROOT = Path(__file__).parents[1]
PACKAGES = ("diffcxr", "eval", "cluster", "jobs", "benchmarks")
MODEL_MIB = 40


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def calls(path: Path) -> Iterator[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {normalised(name): version for name, version in pairs}


def test_the_environment_is_the_pinned_one() -> None:
    for name, version in pins().items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # another platform needs fewer
        assert installed == version, f"{name}: run `make constraints` after an upgrade"


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {normalised(re.split(r"[\[<>=!~ ;]", requirement)[0]) for requirement in wanted}
    assert names <= set(pins())


def test_no_file_names_the_machine_it_was_made_on() -> None:
    # Spelled in pieces, for this file is tracked too.
    foreign = re.compile("|".join(["/wor" + "k/(main|shared)", "python" + r"hosted\.org", "index" + "-url"]))
    for path in tracked():
        if path.suffix in {".safetensors", ".png", ".jpg", ".tgz", ".parquet"}:
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        assert not foreign.search(text), path


def test_no_code_loads_pickles_or_runs_code_from_outside() -> None:
    for path in modules():
        for call in calls(path):
            name = ast.unparse(call.func)
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert name not in {"pickle.load", "pickle.loads", "joblib.load", "eval", "exec"}, (path, name)
            assert keywords.get("trust_remote_code", "False") == "False", path
            assert keywords.get("allow_pickle", "False") == "False", path
            if name in {"torch.load", "torch.hub.load"}:
                assert keywords.get("weights_only") == "True", path


def test_no_weights_are_pickles_and_the_model_is_small() -> None:
    files = tracked()
    assert not [path for path in files if path.suffix in {".bin", ".pt", ".pth", ".pkl", ".ckpt"}]
    model = [path for path in files if path.is_relative_to(ROOT / "models" / "mini")]
    assert sum(path.stat().st_size for path in model) <= MODEL_MIB * 2**20


@pytest.mark.parametrize("job", sorted(JOBS))
def test_every_job_also_runs_as_a_module(job: str) -> None:
    source = (ROOT / "jobs" / f"{job}.py").read_text()
    assert 'if __name__ == "__main__":' in source
    assert f'main(["{job}", *sys.argv[1:]])' in source


def test_make_help_lists_what_the_readme_promises() -> None:
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = {line.split()[0] for line in printed.splitlines()}
    assert {"setup", "demo", "test", "bench", "lint", "help"} <= listed


@pytest.mark.parametrize("script", [".ci/run", "demo.sh"])
def test_scripts_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)


def test_a_missed_bar_of_a_committed_result_is_named_in_the_readme() -> None:
    missed = {
        f"{path.stem}: {bar['name']}"
        for path in (ROOT / "benchmarks" / "results").glob("*.json")
        for bar in json.loads(path.read_text())["bars"]
        if not bar["ok"]
    }
    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"^- Missed: `(.+)`", readme, re.MULTILINE))
    assert named == missed
