"""BiomedCLIP as published, an open_clip checkpoint, into two `transformers` folders.

`python -m diffcxr.language.biomedclip FOLDER OUTPUT` reads open_clip_pytorch_model.bin (or its .safetensors),
open_clip_config.json and the tokenizer's files, and writes OUTPUT/text (PubMedBERT) and OUTPUT/film
(ViT-B/16, with its preprocessing). The projections into the common space are left out: the squeeze and the
film encoder have their own. Source of the key layout: open_clip's CustomTextCLIP with a Hugging Face text
tower and a timm image tower.
"""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import BertConfig, BertModel, ViTConfig, ViTModel

from diffcxr.errors import DiffCXRError, InputError

Weights = dict[str, Tensor]
Module = TypeVar("Module", bound=nn.Module)

_HEAD_WIDTH = 64  # of BERT-base and of ViT-B alike; weights do not tell
_CONFIG = "open_clip_config.json"
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json")
_FIX = "Give the folder of BiomedCLIP as it is published."
_TEXT, _FILM = "text.transformer.", "visual.trunk."


def convert(folder: Path, output: Path) -> None:
    """Write `output`/text and `output`/film. Raises InputError where `folder` holds no such checkpoint."""
    weights = read_checkpoint(folder)
    try:
        settings = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        size = int(settings["model_cfg"]["vision_cfg"].get("image_size", 224))
        preprocessor = image_processor(settings["preprocess_cfg"], size)
        text, film = text_tower(weights), film_tower(weights, size)
    except (OSError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise InputError("no BiomedCLIP checkpoint here", str(folder), _FIX) from error
    vocabulary = [folder / name for name in _TOKENIZER if (folder / name).is_file()]
    if not vocabulary:
        raise InputError("the checkpoint has no tokenizer beside it", str(folder), _FIX)
    text.save_pretrained(output / "text")
    for file in vocabulary:
        shutil.copyfile(file, output / "text" / file.name)
    film.save_pretrained(output / "film")
    (output / "film" / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")


def image_processor(settings: Mapping[str, Any], size: int) -> dict[str, Any]:
    """preprocessor_config.json of open_clip's `preprocess_cfg`, with its defaults for what that leaves out.

    Source: open_clip's `image_transform`. Raises LookupError or ValueError for what has no equal there.
    """
    mode = settings.get("resize_mode", "shortest")
    if mode not in ("shortest", "squash"):
        raise ValueError(f"resize_mode {mode}")
    square = {"height": size, "width": size}
    return {
        "do_resize": True,
        "size": {"shortest_edge": size} if mode == "shortest" else square,
        "resample": {"bilinear": 2, "bicubic": 3}[settings.get("interpolation", "bicubic")],
        "do_center_crop": mode == "shortest",
        "crop_size": square,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(settings["mean"]),
        "image_std": list(settings["std"]),
    }


def read_checkpoint(folder: Path) -> Weights:
    """The weights by open_clip's names; nothing but tensors is unpickled. Raises InputError."""
    tensors, pickled = (folder / f"open_clip_{name}" for name in ("model.safetensors", "pytorch_model.bin"))
    try:
        if tensors.is_file():
            return load_file(tensors)
        found: Any = torch.load(pickled, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError, SafetensorError) as error:
        raise InputError("no BiomedCLIP checkpoint here", str(folder), _FIX) from error
    return dict(found.get("state_dict", found))


def text_tower(weights: Weights) -> BertModel:
    """The text encoder. Raises LookupError or RuntimeError where the weights are none of a BERT."""
    own = _below(_TEXT, weights)
    own.pop("embeddings.position_ids", None)  # a buffer of older versions
    words, positions = own["embeddings.word_embeddings.weight"], own["embeddings.position_embeddings.weight"]
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=words.shape[1],
        num_hidden_layers=_count(own, "encoder.layer."),
        num_attention_heads=words.shape[1] // _HEAD_WIDTH,
        intermediate_size=len(own["encoder.layer.0.intermediate.dense.weight"]),
        max_position_embeddings=len(positions),
        type_vocab_size=len(own["embeddings.token_type_embeddings.weight"]),
    )
    return _filled(BertModel(config, add_pooling_layer="pooler.dense.weight" in own), own)


def film_tower(weights: Weights, size: int) -> ViTModel:
    """The image encoder for films of `size` pixels. Raises as `text_tower` does."""
    own = _below(_FILM, weights)
    patches = own["patch_embed.proj.weight"]
    config = ViTConfig(
        image_size=size,
        patch_size=patches.shape[-1],
        num_channels=patches.shape[1],
        hidden_size=len(patches),
        num_hidden_layers=_count(own, "blocks."),
        num_attention_heads=len(patches) // _HEAD_WIDTH,
        intermediate_size=len(own["blocks.0.mlp.fc1.weight"]),
        layer_norm_eps=1e-6,  # timm's
    )
    return _filled(ViTModel(config, add_pooling_layer=False), dict(map(_renamed, _split(own).items())))


def _split(own: Weights) -> Weights:
    """timm has queries, keys and values in one layer."""
    split: Weights = {}
    for name, weight in own.items():
        if ".attn.qkv." in name:
            for part, rows in zip("qkv", weight.chunk(3), strict=True):
                split[name.replace("qkv", f"{part}_proj")] = rows.clone()
        else:
            split[name] = weight
    return split


def _renamed(entry: tuple[str, Tensor]) -> tuple[str, Tensor]:
    """A weight with timm's name, as transformers calls it."""
    name, weight = entry
    for theirs, ours in (
        ("cls_token", "embeddings.cls_token"),
        ("pos_embed", "embeddings.position_embeddings"),
        ("patch_embed.proj", "embeddings.patch_embeddings.projection"),
        ("attn.proj", "attention.o_proj"),
        ("attn.", "attention."),
        ("norm1", "layernorm_before"),
        ("norm2", "layernorm_after"),
        ("blocks.", "layers."),
    ):
        name = name.replace(theirs, ours)
    return f"layer{name}" if name.startswith("norm.") else name, weight


def _below(prefix: str, weights: Weights) -> Weights:
    return {name.removeprefix(prefix): one for name, one in weights.items() if name.startswith(prefix)}


def _count(own: Weights, prefix: str) -> int:
    return len({name.removeprefix(prefix).split(".")[0] for name in own if name.startswith(prefix)})


def _filled(module: Module, weights: Weights) -> Module:
    module.load_state_dict(weights)
    return module.eval()


def main() -> int:
    """The exit code: 2 for what a person has to mend."""
    if len(sys.argv) != 3:
        sys.stderr.write(f"{(__doc__ or '').splitlines()[2]}\n")
        return InputError.exit_code
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]))
    except DiffCXRError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
