"""Weights as others publish them, tiny and random: an autoencoder, a text encoder, an image backbone."""

from __future__ import annotations

import json
import string
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from transformers import BertConfig, BertModel, BertTokenizerFast, ViTConfig, ViTModel


def write_autoencoder(folder: Path, halvings: int = 3) -> AutoencoderKL:
    """A diffusers folder; the autoencoder as it was written, in evaluation mode."""
    torch.manual_seed(0)
    autoencoder = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * (halvings + 1),
        up_block_types=("UpDecoderBlock2D",) * (halvings + 1),
        block_out_channels=(8,) * (halvings + 1),
        layers_per_block=1,
        norm_num_groups=4,
    ).eval()
    autoencoder.save_pretrained(folder)
    return autoencoder


def write_text_encoder(folder: Path, seed: int = 0, positions: int = 512) -> BertModel:
    """A transformers folder of a BERT of width 64 whose word pieces are letters."""
    folder.mkdir(parents=True)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.ascii_lowercase, *string.punctuation]
    pieces += [f"##{letter}" for letter in string.ascii_lowercase]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=positions).save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=64, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=positions,
    )  # fmt: skip
    model = BertModel(config).eval()
    model.save_pretrained(folder)
    return model


def write_image_backbone(folder: Path) -> ViTModel:
    """A transformers folder of a ViT for colour images of 32 pixels, with CLIP's preprocessing."""
    torch.manual_seed(0)
    config = ViTConfig(
        image_size=32, patch_size=16, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64,
    )  # fmt: skip
    model = ViTModel(config).eval()
    model.save_pretrained(folder)
    preprocessing = {
        "size": {"shortest_edge": 36},
        "crop_size": {"height": 32, "width": 32},
        "image_mean": [0.4, 0.5, 0.6],
        "image_std": [0.2, 0.3, 0.4],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing))
    return model
