from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from cluster.models import check_model
from eval.downstream.classifier import FindingClassifier
from jobs.command import main

SMALL = [
    "size=32",
    "threads=1",
    "checkpoint_every=1",
    "autoencoder.steps=300",
    "autoencoder.batch_size=8",
    "autoencoder.width=16",
    "autoencoder.depth=1",
    "language.steps=10",
    "language.batch_size=8",
    "language.width=32",
    "language.heads=2",
    "language.tokens=4",
    "denoiser.steps=20",
    "denoiser.batch_size=8",
    "denoiser.width=32",
    "denoiser.depth=2",
    "denoiser.heads=2",
    "adapter.steps=10",
    "adapter.batch_size=8",
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    output = str(tmp_path_factory.mktemp("corpus") / "phantom")
    job = ["corpus", "source=phantom", "source.rows=60", "source.size=32", "workers=1", f"output={output}"]
    assert main(job) == 0
    return output


def command(corpus: str, output: Path, stage: str) -> list[str]:
    return ["train", f"stage={stage}", f"data={corpus}", f"output={output}", *SMALL]


def test_all_stages_make_a_model_that_generate_takes(corpus: str, tmp_path: Path) -> None:
    model = tmp_path / "model"
    extra = [
        "autoencoder.steps=20",
        "classifier.epochs=1",
        "classifier.batch_size=8",
        "size=128",
        "split=null",
    ]
    # The classifier is made for 128 pixels; the other stages take any size.
    assert main(command(corpus, model, "all") + extra) == 0
    assert main(command(corpus, model, "all") + extra) == 0  # finished before, by its own autoencoder
    check_model(model)
    assert len(FindingClassifier.from_pretrained(model / "classifier").config.findings) == 14
    assert (model / "training/denoiser/log.jsonl").exists()
    assert not list(model.rglob("checkpoint.pt"))
    made = tmp_path / "made"
    job = ["generate", f"corpus={corpus}", f"model={model}", f"output={made}", "limit=3", "steps=2"]
    assert main(job) == 0
    assert json.loads((made / "corpus.json").read_text())["rows"] == 3


def test_a_killed_run_ends_with_the_weights_of_an_undisturbed_one(corpus: str, tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    assert main(command(corpus, undisturbed, "autoencoder")) == 0

    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, "-m", "jobs.train", *command(corpus, killed, "autoencoder")[1:]]
    process = subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL)
    checkpoint = killed / "training/autoencoder/checkpoint.pt"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert main(command(corpus, killed, "autoencoder")) == 0
    name = "autoencoder/diffusion_pytorch_model.safetensors"
    here, there = load_file(undisturbed / name), load_file(killed / name)
    assert all(here[key].equal(there[key]) for key in here)


def test_other_settings_on_the_same_output_are_refused(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = [*command(corpus, tmp_path, "autoencoder"), "autoencoder.steps=4"]
    assert main(job) == 0
    assert main([*job, "seed=9"]) == 4
    assert "seed" in capsys.readouterr().err


def test_a_denoiser_without_autoencoder_says_what_to_train_first(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(corpus, tmp_path, "denoiser")) == 2
    assert "Train stage=autoencoder first" in capsys.readouterr().err


def test_a_split_without_films_is_one_line(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command(corpus, tmp_path, "autoencoder"), "split=nothing"]) == 2
    assert "no films in split nothing" in capsys.readouterr().err
    assert not list(tmp_path.iterdir()), "the output is not claimed, so that another split may follow"


def test_another_autoencoder_makes_another_denoiser(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["autoencoder.steps=2", "denoiser.steps=2"]
    for seed in (1, 2):
        assert main([*command(corpus, tmp_path / f"{seed}", "autoencoder"), *few, f"seed={seed}"]) == 0
    job = [*command(corpus, tmp_path / "out", "denoiser"), *few, "denoiser.raw_tokens=8"]
    assert main([*job, f"base={tmp_path}/1"]) == 0
    before = (tmp_path / "out/autoencoder/diffusion_pytorch_model.safetensors").read_bytes()
    assert main([*job, f"base={tmp_path}/2"]) == 4
    assert main([*command(corpus, tmp_path / "out", "autoencoder"), *few]) == 4
    assert "trained with another autoencoder" in capsys.readouterr().err
    assert (tmp_path / "out/autoencoder/diffusion_pytorch_model.safetensors").read_bytes() == before


def test_a_damaged_autoencoder_is_one_line(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command(corpus, tmp_path, "autoencoder"), "autoencoder.steps=2"]) == 0
    (tmp_path / "autoencoder/diffusion_pytorch_model.safetensors").write_bytes(b"version https://git-lfs")
    capsys.readouterr()
    assert main(command(corpus, tmp_path, "denoiser")) == 2
    assert "the autoencoder cannot be read" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    "wrong", ["size=40", "denoiser.depth=3", "denoiser.width=33", "filter.autoencoder=x", "size=33"]
)
def test_what_cannot_be_built_is_said_before_anything_is_trained(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    assert main([*command(corpus, tmp_path, "all"), wrong]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())
