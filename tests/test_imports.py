"""Imports run one way, and the model and the measures know no Ray, no object storage and no hydra."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINTER = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINTER, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def test_imports_run_one_way() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("diffcxr", "import eval"),
        ("eval", "import cluster"),
        ("cluster", "import jobs"),
        ("diffcxr", "import ray"),
        ("eval", "import obstore"),
        ("eval", "import hydra"),
    ],
)
def test_an_import_against_the_way_is_found(tmp_path: Path, module: str, line: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in ("diffcxr", "eval", "cluster", "jobs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    assert lint(tmp_path).returncode == 0
    (tmp_path / module / "__init__.py").write_text(line + "\n")
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("jobs.generate jobs.report jobs.status jobs.verify cluster.slice_rows", "torch sklearn"),
        ("jobs.evaluate jobs.train", "torchvision timm transformers diffusers sklearn"),
    ],
)
def test_a_driver_does_not_wait_for_libraries_that_its_workers_need(modules: str, heavy: str) -> None:
    imported = ", ".join(modules.split())
    script = f"import sys, {imported}; print(*set({heavy.split()}) & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not done.stdout.strip()
