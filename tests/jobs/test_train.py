from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from cluster.codec import provenance_note
from cluster.corpus import Corpus
from cluster.models import check_model
from cluster.removed_films import Removed
from cluster.session import connect
from cluster.training import Workers, train_on_workers
from diffcxr.errors import InputError
from eval.downstream.classifier import FindingClassifier
from jobs.command import main
from jobs.overrides import compose_config
from jobs.stages import sequence
from jobs.stages.sequence import Sequence, stage_settings, train_stages
from jobs.training_config import STAGES, Config, with_absolute_paths
from tests.jobs.train_here import train_here

WEIGHTS = "autoencoder/diffusion_pytorch_model.safetensors"
SMALL = [
    "size=32",
    "threads=1",
    "checkpoint_every=1",
    "autoencoder.steps=60",
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


@pytest.fixture(scope="module")
def ray_session() -> Iterator[None]:
    with connect(num_cpus=2):
        yield


def test_all_stages_make_a_model_that_generate_takes(
    corpus: str, ray_session: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    extra = [
        "autoencoder.steps=20",
        "classifier.epochs=1",
        "classifier.batch_size=8",
        "size=128",
        "split=null",
        "workers=2",
    ]
    # The classifier is made for 128 pixels; the other stages take any size.
    assert main(command(corpus, model, "all") + extra) == 0
    assert "stage classifier was trained by one of the 2 workers" in capsys.readouterr().err
    summary = json.loads((model / "training/summary.json").read_text())
    assert summary["films"] == 60 and summary["loss"].keys() == set(STAGES)
    assert main(command(corpus, model, "all") + extra) == 0  # finished before, by its own autoencoder
    assert capsys.readouterr().out.count("finished before") == len(STAGES)
    assert json.loads((model / "training/summary.json").read_text()) == summary
    check_model(model)
    assert len(FindingClassifier.from_pretrained(model / "classifier").config.findings) == 14
    for stage in STAGES:
        assert (model / f"training/{stage}/log.jsonl").exists()
        assert list((model / f"training/{stage}/tensorboard").glob("events.out.tfevents.*"))
    assert not list(model.rglob("checkpoint.pt")) and not list(model.rglob("progress.json"))
    for stage, says in (("autoencoder", "Films of the corpus"), ("denoiser", "not a patient")):
        *_, sheet = sorted((model / f"training/{stage}/samples").glob("*.png"))
        assert says in str(provenance_note(sheet.read_bytes()))
    made = tmp_path / "made"
    job = ["generate", f"corpus={corpus}", f"model={model}", f"output={made}", "limit=3", "steps=2"]
    assert main(job) == 0
    assert json.loads((made / "corpus.json").read_text())["rows"] == 3


def test_other_settings_on_the_same_output_are_refused(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = [*command(corpus, tmp_path, "autoencoder"), "autoencoder.steps=4"]
    train_here(job)
    assert main([*job, "seed=9"]) == 4
    assert "plan.seed is 0 there and 9 here" in capsys.readouterr().err
    assert main([*job, "workers=2"]) == 4
    assert "plan.workers is 1 there and 2 here" in capsys.readouterr().err


def test_a_batch_that_workers_cannot_share_is_one_line(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command(corpus, tmp_path, "denoiser"), "workers=3"]) == 2
    assert "batch_size=8 is no multiple of workers=3" in capsys.readouterr().err


def test_a_report_needs_others_in_its_workers_share(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = [*command(corpus, tmp_path, "language"), "language.batch_size=8", "workers=8"]
    assert main(job) == 2
    assert "share of batch_size=8 is 1 pair" in capsys.readouterr().err


def test_a_denoiser_that_draws_films_alike_is_one_that_knew_no_balance(corpus: str) -> None:
    def settings(*options: str) -> dict[str, Any]:
        job = ["stage=denoiser", f"data={corpus}", "output=x", "base=mini", *options]
        config = with_absolute_paths(compose_config("train", Config, job))
        return stage_settings(config, Corpus.open(corpus), Removed.nothing(), "denoiser")

    assert "balance" not in settings()
    assert settings("denoiser.balance=0.5")["balance"] == 0.5


def test_what_is_drawn_on_the_way_changes_no_weight(corpus: str, tmp_path: Path) -> None:
    weights = []
    for name, checkpoint_every in (("often", 1e-3), ("never", 1e6)):
        config = compose_config("train", Config, command(corpus, tmp_path / name, "autoencoder")[1:])
        config = replace(config, checkpoint_every=checkpoint_every)
        train_stages(Sequence(config, ("autoencoder",)))
        weights.append((tmp_path / name / WEIGHTS).read_bytes())
    assert len(list((tmp_path / "often/training/autoencoder/samples").iterdir())) > 1
    assert weights[0] == weights[1]


def test_a_denoiser_without_autoencoder_says_what_to_train_first(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(corpus, tmp_path, "denoiser")) == 2
    assert "Train stage=autoencoder first" in capsys.readouterr().err


def test_what_workers_find_wrong_with_a_corpus_is_one_line(
    corpus: str, ray_session: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command(corpus, tmp_path, "autoencoder"), "split=nothing", "workers=2"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "no films in split nothing" in said
    assert not list(tmp_path.iterdir()), "the output is not claimed, so that another split may follow"


def test_memory_that_does_not_suffice_is_one_line(ray_session: None) -> None:
    def train(_: None) -> None:
        raise torch.OutOfMemoryError

    with pytest.raises(InputError, match=r"does not fit into memory: .* micro_batch"):
        list(train_on_workers(train, None, Workers(threads=1)))


def test_another_autoencoder_makes_another_denoiser(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["autoencoder.steps=2", "denoiser.steps=2"]
    for seed in (1, 2):
        train_here([*command(corpus, tmp_path / f"{seed}", "autoencoder"), *few, f"seed={seed}"])
    job = [*command(corpus, tmp_path / "out", "denoiser"), *few, "denoiser.raw_tokens=8"]
    train_here([*job, f"base={tmp_path}/1"])
    before = (tmp_path / "out/autoencoder/diffusion_pytorch_model.safetensors").read_bytes()
    assert main([*job, f"base={tmp_path}/2"]) == 4
    assert main([*command(corpus, tmp_path / "out", "autoencoder"), *few]) == 4
    assert "trained with another autoencoder" in capsys.readouterr().err
    assert (tmp_path / "out/autoencoder/diffusion_pytorch_model.safetensors").read_bytes() == before


def test_an_adapter_is_trained_on_the_report_encoder_that_its_denoiser_knows(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_here([*command(corpus, tmp_path, "language"), "language.steps=2"])
    before = (tmp_path / "report_encoder/diffusion_pytorch_model.safetensors").read_bytes()
    assert main([*command(corpus, tmp_path, "adapter"), "base=mini"]) == 4
    said = capsys.readouterr().err
    assert "holds stage language" in said and "a denoiser trained with another" in said
    assert (tmp_path / "report_encoder/diffusion_pytorch_model.safetensors").read_bytes() == before


def test_the_adapter_of_a_base_learns_on_with_its_denoiser_alone(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    base, adapter = tmp_path / "base", "adapter/diffusion_pytorch_model.safetensors"
    for stage in ("autoencoder", "language", "denoiser"):
        train_here([*command(corpus, base, stage), f"{stage}.steps=3"])
    denoiser = (base / "denoiser/diffusion_pytorch_model.safetensors").read_bytes()
    train_here([*command(corpus, base, "adapter"), "adapter.steps=3"])
    assert (base / "denoiser/diffusion_pytorch_model.safetensors").read_bytes() == denoiser
    on = [*command(corpus, tmp_path / "on", "adapter"), f"base={base}", "adapter.start=base"]
    train_here([*on, "adapter.learning_rate=0"])
    assert (tmp_path / "on" / adapter).read_bytes() == (base / adapter).read_bytes()
    assert main([*on, "adapter.learning_rate=0.1"]) == 4
    capsys.readouterr()

    with monkeypatch.context() as patched:
        patched.setattr(sequence, "lessons_digest", lambda: "of another wording")
        assert main([*on, "adapter.learning_rate=0"]) == 4
    assert "plan.lessons is" in capsys.readouterr().err

    own = tmp_path / "own"
    train_here([*command(corpus, own, "denoiser"), f"base={base}", "denoiser.steps=2"])
    assert main([*on, f"output={own}"]) == 4
    assert "an adapter trained with another" in capsys.readouterr().err
    (base / adapter).unlink()
    assert main([*on, f"output={tmp_path}/new"]) == 2
    assert capsys.readouterr().err == (
        f"diffcxr train: no adapter weights: {base}/adapter. "
        "Name a model that has one by base=URI, or leave out adapter.start=base.\n"
    )
    assert not (tmp_path / "new").exists()


def test_an_adapter_of_films_of_another_size_than_its_denoiser_is_one_line(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command(corpus, tmp_path / "out", "adapter"), "base=mini"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "size=32" in said and "Set size=128" in said
    assert not (tmp_path / "out").exists()


def test_a_damaged_autoencoder_is_one_line(corpus: str, tmp_path: Path) -> None:
    train_here([*command(corpus, tmp_path, "autoencoder"), "autoencoder.steps=2"])
    (tmp_path / WEIGHTS).write_bytes(b"version https://git-lfs")
    with pytest.raises(InputError, match="the autoencoder cannot be read"):
        train_here([*command(corpus, tmp_path, "denoiser"), "denoiser.raw_tokens=8"])


@pytest.mark.parametrize(
    "wrong",
    [
        "size=40",
        "denoiser.depth=3",
        "denoiser.width=33",
        "filter.autoencoder=x",
        "size=33",
        "denoiser.raw_tokens=8",
    ],
)
def test_what_cannot_be_built_is_said_before_anything_is_trained(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    assert main([*command(corpus, tmp_path, "all"), wrong]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())
