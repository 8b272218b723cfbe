"""Weights as others publish them, tiny and random: an autoencoder, a text encoder, an image backbone,
torchxrayvision's and BioViL-T's networks.
"""

from __future__ import annotations

import json
import string
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torchvision.models import DenseNet, resnet50
from transformers import BertConfig, BertForMaskedLM, BertModel, BertTokenizerFast, ViTConfig, ViTModel

from eval.features.xrv import TARGETS


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


def write_xrv(file: Path, untrained: tuple[str, ...] = ()) -> dict[str, torch.Tensor]:
    """The state of a DenseNet as torchxrayvision's loaded models have it; no operating points of some."""
    torch.manual_seed(0)
    network = DenseNet(num_classes=len(TARGETS))
    network.features.conv0 = torch.nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    points = torch.linspace(0.3, 0.6, len(TARGETS))
    points[[TARGETS.index(name) for name in untrained]] = torch.nan
    state = network.state_dict() | {"op_threshs": points}
    torch.save(state, file)
    return state


def write_biovil_t(folder: Path) -> BertForMaskedLM:
    """The folder as it is published, its text network small; that network as it was written."""
    write_text_encoder(folder)  # its vocabulary
    (folder / "model.safetensors").unlink()
    torch.manual_seed(0)
    trunk = resnet50(weights=None)
    image = {f"encoder.encoder.{name}": value for name, value in trunk.state_dict().items()}
    image |= {
        "encoder.backbone_to_vit.weight": torch.randn(256, 2048, 1, 1) / 45,
        "encoder.missing_previous_emb": torch.randn(1, 256, 1, 1),
        "encoder.vit_pooler.pos_drop.weight": torch.zeros(1),  # what compares a film with an earlier one
        "projector.model.0.weight": torch.randn(128, 512, 1, 1) / 22,
        "projector.model.3.weight": torch.randn(128, 128, 1, 1) / 11,
        "projector.model.3.bias": torch.randn(128),
    }
    image |= {
        f"projector.model.1.{name}": one for name, one in torch.nn.BatchNorm2d(128).state_dict().items()
    }
    torch.save(image, folder / "biovil_t_image_model_proj_size_128.pt")
    config = json.loads((folder / "config.json").read_text()) | {
        "projection_size": 128,
        "model_type": "cxr-bert",
    }
    (folder / "config.json").write_text(json.dumps(config))
    shape = {name: value for name, value in config.items() if name not in ("model_type", "architectures")}
    text = BertForMaskedLM(BertConfig(**shape)).eval()
    head = {
        "dense_to_hidden": torch.nn.Linear(64, 128),
        "LayerNorm": torch.nn.LayerNorm(128, eps=1e-12),
        "dense_to_output": torch.nn.Linear(128, 128),
    }
    text.cls_projection_head = torch.nn.ModuleDict(head)
    torch.save(text.state_dict(), folder / "pytorch_model.bin")
    return text
