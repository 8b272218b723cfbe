"""The converter, against open_clip and timm, which are oracles here and nothing of the product."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import open_clip
import pytest
import timm
import torch
from open_clip.hf_model import HFTextEncoder
from transformers import BertConfig, BertModel

from diffcxr.errors import InputError
from diffcxr.language.biomedclip import convert, read_checkpoint, text_tower
from diffcxr.language.film_encoder import FilmEncoder
from diffcxr.language.text_encoder import TextEncoder
from tests.weights_of_others import write_text_encoder

MEAN, STD = [0.48, 0.46, 0.41], [0.27, 0.26, 0.28]


class Clip(torch.nn.Module):
    """Towers of open_clip and timm, named as in its CustomTextCLIP."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        text = BertConfig(
            vocab_size=100, hidden_size=128, num_hidden_layers=2, num_attention_heads=2, intermediate_size=96
        )
        self.text = HFTextEncoder("bert", 32, config=text, pooler_type="cls_pooler", proj_type="mlp")
        self.visual = torch.nn.Module()
        self.visual.trunk = timm.models.VisionTransformer(
            img_size=32, patch_size=16, embed_dim=128, depth=2, num_heads=2, num_classes=0, global_pool=""
        )
        self.visual.head = torch.nn.Linear(128, 32, bias=False)
        self.logit_scale = torch.nn.Parameter(torch.tensor(4.0))
        for parameter in self.parameters():  # no zero and no one may hide what it multiplies
            torch.nn.init.normal_(parameter, std=0.1)
        self.eval()


def write_checkpoint(folder: Path, clip: Clip) -> None:
    write_text_encoder(folder)  # its vocabulary, of 90 pieces
    (folder / "model.safetensors").unlink()
    torch.save(clip.state_dict(), folder / "open_clip_pytorch_model.bin")
    settings = {
        "model_cfg": {"embed_dim": 32, "vision_cfg": {"image_size": 32}},
        "preprocess_cfg": {"mean": MEAN, "std": STD},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(settings))


@torch.no_grad()
def test_both_towers_say_what_open_clip_and_timm_say(tmp_path: Path) -> None:
    clip = Clip()
    write_checkpoint(tmp_path / "published", clip)
    convert(tmp_path / "published", tmp_path / "converted")

    encoder = TextEncoder(str(tmp_path / "converted/text"))
    pieces = encoder._tokenizer(["no effusion."], return_tensors="pt")
    theirs = clip.text.transformer(**pieces).last_hidden_state
    states, mask = encoder(["no effusion."])
    assert mask.all() and states.std() > 0.1
    torch.testing.assert_close(states, theirs, atol=1e-5, rtol=1e-4)

    films = FilmEncoder.from_weights(tmp_path / "converted/film", width=8).eval()
    seen: list[torch.Tensor] = []
    films.network.register_forward_hook(lambda _, given, made: seen.append(made[0]))
    film = torch.rand(2, 1, 32, 32)
    films(film)
    mean, std = (torch.tensor(values)[None, :, None, None] for values in (MEAN, STD))
    theirs = clip.visual.trunk.forward_features((film - mean) / std)
    torch.testing.assert_close(seen[0], theirs, atol=1e-5, rtol=1e-4)


def test_the_layout_is_that_of_biomedclips_published_configuration(tmp_path: Path) -> None:
    """Its own tower kinds, built by open_clip itself: a timm ViT-B/16 and a BERT with an MLP on top."""
    with torch.device("meta"):
        text = HFTextEncoder(
            "bert", 512, config=BertConfig(), pooler_type="cls_last_hidden_state_pooler", proj_type="mlp"
        )
        visual = open_clip.timm_model.TimmModel("vit_base_patch16_224", 512, pool="", proj="linear")
    names = {f"text.{name}" for name in text.state_dict()}
    names |= {f"visual.{name}" for name in visual.state_dict()}
    clip = {name.replace(".1.", ".0.") for name in Clip().state_dict()} - {"logit_scale"}
    heads = ("visual.head", "text.proj")
    layers = {
        name
        for name in names
        if not any(f".{number}." in name for number in range(1, 12)) and not name.startswith(heads)
    }
    assert layers == {name for name in clip if not name.startswith(heads)}


def test_positions_of_an_older_checkpoint_and_a_missing_pooler_are_no_matter() -> None:
    shape = BertConfig(
        vocab_size=9, hidden_size=64, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    bert = BertModel(shape, add_pooling_layer=False).state_dict()
    weights = {f"text.transformer.{name}": one for name, one in bert.items()}
    weights["text.transformer.embeddings.position_ids"] = torch.arange(512)[None]
    tower = text_tower(weights)
    assert tower.pooler is None and tower.config.num_attention_heads == 1


def test_a_checkpoint_that_is_none_or_would_run_code_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no BiomedCLIP checkpoint here"):
        convert(tmp_path, tmp_path / "out")
    (tmp_path / "open_clip_pytorch_model.bin").write_bytes(pickle.dumps(print))
    with pytest.raises(InputError, match="no BiomedCLIP checkpoint here"):
        read_checkpoint(tmp_path)
    torch.save({"some": torch.zeros(1)}, tmp_path / "open_clip_pytorch_model.bin")
    with pytest.raises(InputError, match="no BiomedCLIP checkpoint here"):
        convert(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
