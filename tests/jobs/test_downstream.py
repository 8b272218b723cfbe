import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from cluster.corpus import Corpus
from cluster.training_data import read_training_data
from diffcxr.errors import InputError, RefusedError
from eval.downstream.classifier import ClassifierConfig, FindingClassifier, fit_classifier
from jobs.command import main
from jobs.downstream import Config, run
from tests.jobs.blob_corpus import SIZE, blob_corpus

QUICK = ("epochs=3", "batch_size=16", f"size={SIZE}", "threads=1", "arms=[real,both]")


def command(folder: Path, output: str) -> list[str]:
    return ["downstream", f"real={folder}/real", f"synthetic={folder}/synthetic", f"output={output}", *QUICK]


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    blob_corpus(str(tmp_path / "real"), "real", 160, test=60)
    blob_corpus(str(tmp_path / "synthetic"), "made", 80)
    return tmp_path


def undisturbed(corpora: Path) -> dict[str, torch.Tensor]:
    """The weights of the arm `both`, trained here in one go."""
    parts = [read_training_data(Corpus.open(corpora / name), "train", SIZE) for name in ("real", "synthetic")]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    *_, last = fit_classifier(
        np.concatenate([part.films for part in parts]),
        np.concatenate([part.labels for part in parts]),
        epochs=3,
        seed=0,
        batch_size=16,
        config=ClassifierConfig(size=SIZE),
    )
    torch.set_num_threads(threads)
    return last.model.state_dict()


def start_and_kill(arguments: list[str], checkpoint: Path) -> None:
    """Run the job until it has left a checkpoint, then kill it and all that it started."""
    process = subprocess.Popen(
        [sys.executable, "-m", "jobs.command", *arguments],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    while not checkpoint.exists():
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_killed_run_goes_on_to_the_weights_of_an_undisturbed_one(
    corpora: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = corpora / "output"
    arguments = command(corpora, str(output))
    start_and_kill(arguments, output / "arms" / "both" / "training" / "classifier" / "checkpoint.pt")
    assert (output / "arms" / "real" / "classifier").exists() and not (output / "downstream.json").exists()

    assert main(arguments) == 0
    weights = FindingClassifier.from_pretrained(output / "arms" / "both" / "classifier").state_dict()
    assert all(torch.equal(weights[name], value) for name, value in undisturbed(corpora).items())

    rows = json.loads((output / "downstream.json").read_bytes())
    arms = {row["subset"]: row for row in rows if row["metric"] == "downstream_macro_auc"}
    assert list(arms) == ["real", "both"]
    assert all(row["low"] <= row["value"] <= row["high"] and row["value"] > 0.9 for row in arms.values())
    assert {(row["n_real"], row["steps"]) for row in arms.values()} == {(60, 3 * (180 // 16))}
    assert [row["n_train"] for row in arms.values()] == [100, 180]
    assert all(row["findings"] == ["Cardiomegaly"] for row in arms.values())  # the others lack a class
    summary = json.loads((output / "summary.json").read_bytes())
    assert summary["arms"]["both"]["value"] == arms["both"]["value"]

    there = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    assert main([*arguments, "seed=1"]) == 4
    assert "plan.seed is 0 there and 1 here" in capsys.readouterr().err
    assert main(arguments) == 0  # all is there: nothing is trained or scored again
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == there


def test_a_run_without_films_to_test_on_is_refused(tmp_path: Path) -> None:
    for name in ("real", "synthetic"):
        blob_corpus(str(tmp_path / name), name, 20, splits=False)
    config = Config(real=f"{tmp_path}/real", synthetic=f"{tmp_path}/synthetic", output=f"{tmp_path}/output")
    with pytest.raises(InputError, match="no test films"):
        run(config)
    assert not (tmp_path / "output").exists()


def test_test_patients_in_training_are_refused(tmp_path: Path) -> None:
    """A synthetic film may be made from the report of a test patient: then it may not train."""
    blob_corpus(str(tmp_path / "real"), "real", 40, test=20)
    blob_corpus(str(tmp_path / "synthetic"), "real", 40)
    config = Config(real=f"{tmp_path}/real", synthetic=f"{tmp_path}/synthetic", output=f"{tmp_path}/output")
    with pytest.raises(InputError, match="10 patients of the test films are also in training"):
        run(config)


def test_another_kind_of_run_in_the_output_is_refused_before_any_training(corpora: Path) -> None:
    (corpora / "output").mkdir()
    (corpora / "output" / "run.json").write_bytes((corpora / "real" / "corpus.json").read_bytes())
    with pytest.raises((InputError, RefusedError)):
        run(Config(real=f"{corpora}/real", synthetic=f"{corpora}/synthetic", output=f"{corpora}/output"))


def test_an_unknown_arm_is_one_line_and_exit_2(corpora: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command(corpora, f"{corpora}/output")[:-1], "arms=[real,dream]"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
