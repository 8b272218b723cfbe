"""`diffcxr submit`: any job of ours on a cluster, its options checked before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster.corpus import Corpus
from diffcxr.errors import InputError
from jobs.command import main
from jobs.submit import read_arguments
from tests.ray_head import RayHead

CORPUS = ["source=phantom", "source.rows=12", "source.seed=5", "source.images=false"]


def test_a_phantom_corpus_is_made_on_the_cluster(
    head: RayHead, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", head.token)
    output = tmp_path / "a corpus"
    code = main(["submit", "job=corpus", f"address={head.address}", *CORPUS, f"output={output}"])
    printed = capfd.readouterr().out
    assert code == 0, printed
    assert Corpus.open(str(output)).rows == 12
    assert "SUCCEEDED" in printed
    assert json.loads((output / "summary.json").read_text())["rows"] == 12


def test_the_exit_code_of_the_job_is_ours(
    head: RayHead, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", head.token)
    assert main(["corpus", *CORPUS, f"output={tmp_path}"]) == 0
    other = [*CORPUS, "source.seed=6", f"output={tmp_path}"]
    assert main(["submit", "job=corpus", f"address={head.address}", "--", *other]) == 4
    assert "seed" in capfd.readouterr().out


def test_a_wrong_token_is_one_line_and_exit_2(
    head: RayHead, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "f" * 64)
    assert main(["submit", "job=corpus", f"address={head.address}", *CORPUS, f"output={tmp_path}/x"]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("diffcxr submit: Ray cluster refuses the token")


def test_what_is_not_an_option_of_submit_is_the_jobs() -> None:
    config = read_arguments(["job=corpus", "source=phantom", "address=http://h:1", "output=o", "follow=no"])
    assert (config.job, config.address, config.follow) == ("corpus", "http://h:1", False)
    assert config.overrides == ["source=phantom", "output=o"]


def test_all_behind_the_dashes_is_the_jobs() -> None:
    config = read_arguments(["job=corpus", "address=a", "--", "source=phantom", "output=job=x"])
    assert config.overrides == ["source=phantom", "output=job=x"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["job=corpus", "source=phantom"], "missing: address=..."),
        (["job=corpus", "address=a", "source=phantom"], "missing: output=..."),
        (
            ["job=corpus", "address=a", "--", "sourc=phantom", "output=o"],
            "unknown option: sourc. Did you mean",
        ),
        (["job=submit", "address=a"], "'submit' is not allowed: job"),
        (["job=corpus", "address=a", "source=phantom", "output=o", "shard_rows=0"], "0 is not allowed"),
    ],
)
def test_wrong_options_are_found_before_anything_is_sent(arguments: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_arguments(arguments)
