"""The command's exit codes, its lines for people, its help; foreign packages cannot get in its way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from diffcxr.errors import InputError
from jobs.command import JOBS, load_job, main
from jobs.options import options_of
from jobs.overrides import compose_config
from tests.jobs import toy_job

ROOT = Path(__file__).parents[2]
TOY = [sys.executable, "-m", "tests.jobs.toy_job", "source=phantom"]


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(JOBS, "toy", "a job for tests")
    monkeypatch.setitem(sys.modules, "jobs.toy", toy_job)


def run_toy(*overrides: str) -> int:
    return main(["toy", "source=phantom", *(overrides or ["output=nowhere"])])


def test_a_done_job_prints_its_table_and_leaves_its_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_toy(f"output={tmp_path}/a b", "prompt={findings}, ${x}") == 0
    assert capsys.readouterr().out == "images  1,000\nrate      2.5\n"
    assert json.loads((tmp_path / "a b" / "summary.json").read_text())["prompt"] == "{findings}, ${x}"


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("refused", 4, "diffcxr toy: the output holds another run: nowhere. Choose another output.\n"),
        ("full", 2, "diffcxr toy: the disk is full: /disk/shard. Mend it and run again.\n"),
        ("interrupt", 3, "diffcxr toy: interrupted. Run the same command again to go on.\n"),
        ("exit15", 3, "diffcxr toy: interrupted. Run the same command again to go on.\n"),
        ("incomplete", 3, "diffcxr toy: 1 of 2 done. Run the same command again to go on.\n"),
    ],
)
def test_each_end_has_its_exit_code_and_one_line(
    end: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_toy("output=nowhere", f"end={end}") == code
    assert capsys.readouterr().err == said


def test_a_bug_keeps_its_traceback_and_exits_1() -> None:
    done = subprocess.run([*TOY, "output=nowhere", "end=bug"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError: a bug" in done.stderr


def test_sigterm_ends_a_job_as_interrupted() -> None:
    with subprocess.Popen(
        [*TOY, "output=nowhere", "end=wait"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as job:
        assert job.stdout is not None
        assert job.stderr is not None
        assert job.stdout.readline().startswith("waiting")
        job.send_signal(signal.SIGTERM)
        assert job.wait(30) == 3
        assert job.stderr.read() == "diffcxr toy: interrupted. Run the same command again to go on.\n"


def test_a_reader_that_went_away_is_no_bug() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            [*TOY, "output=nowhere"], cwd=ROOT, stdout=closed, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 0
    assert done.stderr == ""


def test_an_error_that_ray_wrapped_is_still_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    from ray.exceptions import RayTaskError

    error = InputError("no weights", "/models/x", "Give a folder with weights.")
    wrapped = RayTaskError("load", "a long traceback", error).as_instanceof_cause()

    def fail(config: toy_job.Config) -> None:
        raise wrapped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toy_job, "run", fail)
        assert run_toy("output=nowhere") == 2
    assert capsys.readouterr().err == "diffcxr toy: no weights: /models/x. Give a folder with weights.\n"


def test_wrong_options_are_one_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["toy", "source=phantom", "outptu=x"]) == 2
    assert capsys.readouterr().err == "diffcxr toy: unknown option: outptu. Did you mean output=...?\n"


def test_an_unknown_job_names_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generat", "output=x"]) == 2
    assert capsys.readouterr().err == "diffcxr: unknown job: generat. Did you mean generate?\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_every_job(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert all(f"  {job} " in printed for job in JOBS)


def test_help_of_a_job_lists_options_with_type_default_and_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["toy", "--help"]) == 0
    printed = capsys.readouterr().out
    assert "a whole number or a text: at least 1 or auto (default auto)" in printed
    assert "a text (required)" in printed
    assert "default [fid,mauc]" in printed
    assert "default null" in printed


def test_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("diffcxr 0.")


@pytest.mark.parametrize("job", [job for job in JOBS if job != "toy"])
def test_every_job_has_a_config_that_hydra_can_hold(job: str) -> None:
    module = load_job(job)
    options = list(options_of(module.Config))
    assert all(option.help for option in options)
    given = [f"{o.key}={o.choices[0] if o.choices else 1}" for o in options if o.required]
    compose_config(job, module.Config, given)


def test_the_list_of_jobs_needs_no_heavy_library() -> None:
    code = "import sys; from jobs.command import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "ray", "pyarrow", "hydra"} & set(done.stdout.split())


def test_foreign_packages_in_the_current_folder_are_not_ours(tmp_path: Path) -> None:
    for name in ("eval", "jobs", "cluster", "diffcxr"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('foreign')\n")
    diffcxr = Path(sys.executable).with_name("diffcxr")
    done = subprocess.run([diffcxr, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: diffcxr")
