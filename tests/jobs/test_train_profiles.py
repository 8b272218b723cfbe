"""Whole models by the profiles, each shrunk to seconds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cluster.models import MINI, fetch_model, load_pipeline
from diffcxr.seeds import generator
from jobs.command import main
from tests.weights_of_others import write_autoencoder, write_image_backbone, write_text_encoder

SMALL = [
    "size=32",
    "threads=1",
    "split=null",
    "language.steps=3",
    "language.batch_size=8",
    "language.tokens=4",
    "denoiser.steps=3",
    "denoiser.batch_size=8",
    "denoiser.micro_batch=4",
    "denoiser.width=32",
    "denoiser.depth=2",
    "denoiser.heads=2",
    "adapter.steps=3",
    "adapter.batch_size=8",
    "classifier.epochs=1",
    "classifier.batch_size=8",
]
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    output = str(tmp_path_factory.mktemp("corpus") / "phantom")
    job = ["corpus", "source=phantom", "source.rows=24", "source.size=32", "workers=1", f"output={output}"]
    assert main(job) == 0
    return output


def test_the_papers_recipe_makes_a_model_on_the_weights_of_others(corpus: str, tmp_path: Path) -> None:
    autoencoder = write_autoencoder(tmp_path / "kl-f8")
    write_text_encoder(tmp_path / "text")
    write_image_backbone(tmp_path / "film")
    model = tmp_path / "model"
    own = [
        f"autoencoder.pretrained={tmp_path}/kl-f8",
        f"language.film_encoder={tmp_path}/film",
        "language.width=64",
    ]
    job = ["train", "profile=paper", "stage=all", f"data={corpus}", f"output={model}", *SMALL, *own]

    def train(text_encoder: str) -> int:
        return main([*job, f"language.text_encoder={tmp_path}/{text_encoder}"])

    assert train("text") == 0
    copied = load_file(model / "autoencoder" / WEIGHTS)
    for name, weight in autoencoder.state_dict().items():
        assert copied[f"autoencoder.{name}"].equal(weight.half()), name
    assert json.loads((model / "scheduler/scheduler_config.json").read_text())["prediction_type"] == "epsilon"
    assert json.loads((model / "report_encoder/config.json").read_text())["text_width"] == 64

    pipeline = load_pipeline(fetch_model(str(model)), "cpu", torch.float32)
    seed = [generator(1)]
    made = pipeline(
        ["Clear."], num_inference_steps=2, guidance_scale=2.0, generator=seed, output_type="np"
    ).images
    assert made.shape == (1, 32, 32, 1) and np.isfinite(made).all()

    # A corpus decides nothing of an autoencoder that is not trained.
    assert main([*job, "stage=autoencoder", "split=train"]) == 0

    # Where others' weights lie decides nothing; which they are does.
    (tmp_path / "text").rename(tmp_path / "moved")
    assert train("moved") == 0
    write_text_encoder(tmp_path / "text", seed=1)
    assert train("text") == 4


def test_the_nano_profile_trains_on_minis_autoencoder_and_its_own_language(
    corpus: str, tmp_path: Path
) -> None:
    job = ["train", "profile=nano", "stage=all", f"data={corpus}", f"output={tmp_path}", *SMALL]
    assert main(job) == 0
    assert sorted(path.name for path in (tmp_path / "training").iterdir() if path.is_dir()) == [
        "adapter",
        "denoiser",
        "language",
    ]
    ours, minis = ((folder / "autoencoder" / WEIGHTS).read_bytes() for folder in (tmp_path, MINI))
    assert ours == minis
    assert json.loads((tmp_path / "denoiser/config.json").read_text())["context_width"] == 128
    assert main(job) == 0  # finished before, by its own language and mini's autoencoder
