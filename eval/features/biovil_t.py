"""BioViL-T as it is published: films and reports in its common space of 128 dimensions.

The image network is torchvision's ResNet-50 behind which a film without an earlier one beside it stands; the
text network is a BERT with a projection. Neither needs the package, nor the code that its repository holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn
from torchvision.models import resnet50
from transformers import BertConfig, BertModel, BertTokenizer

from diffcxr.errors import InputError
from eval.features.extractor import Matcher, extractor_digest, load_weights, use_exact_arithmetic
from eval.features.preprocessing import CentreCrop, FullRange, Preprocessing, Range, Resize

WEIGHTS = "biovil_t_image_model_proj_size_128.pt"
"""The image network's file, by which such a folder is told."""
_TEXT_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_FIX = (
    "Download huggingface.co/microsoft/BiomedVLP-BioViL-T where there is a network, and give matcher=PATH, "
    f"with {WEIGHTS}, config.json, vocab.txt and {_TEXT_WEIGHTS[1]}."
)


class BioViLT:
    """An `Extractor`: the mean over the projected patches of a film that has no earlier one beside it.

    Source: hi-ml-multimodal 0.2.2, ImageModel and its transform; Bannur et al. 2023, arXiv 2301.04558.
    """

    name = "biovil_t"
    dimension = 128
    preprocessing = Preprocessing(
        steps=(
            FullRange(),
            Resize(size=512, antialias=True, shorter=True, rounded=True),
            CentreCrop(448, even=True),
        ),
        values=Range(0, 1),
    )

    def __init__(self, weights: dict[str, Tensor], content: bytes) -> None:
        """`content`: the SHA-256 of the file of `weights`. Raises ValueError for those of another network."""
        self._network = _Network()
        # Films are not compared with earlier ones here: the part that does so is left out.
        own = {name: value for name, value in weights.items() if not name.startswith("encoder.vit_pooler.")}
        try:
            self._network.load_state_dict(own)
        except RuntimeError as error:
            raise ValueError("the weights do not fit the network") from error
        self._network.eval()
        self.digest = extractor_digest(self.name, content, f"{self.preprocessing}; projected patches, mean")

    def setup(self, device: str) -> None:
        use_exact_arithmetic()
        self._device = device
        self._network.to(device)

    @torch.inference_mode()
    def process(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = self._network(self.preprocessing(films, self._device)).cpu().numpy()
        return vectors


class BioViLTReports:
    """A `Reader`: the class token's projection. Source: hi-ml-multimodal, CXRBertModel."""

    name = "biovil_t_reports"

    def __init__(self, config: dict[str, Any], weights: dict[str, Tensor], vocabulary: Path) -> None:
        """Raises ValueError for weights of another network."""
        self._tokenizer = BertTokenizer(vocab=str(vocabulary))
        shape = BertConfig(**{k: v for k, v in config.items() if k not in ("model_type", "architectures")})
        self._longest = int(shape.max_position_embeddings)
        self.dimension = int(config["projection_size"])
        self._bert: Any = BertModel(shape, add_pooling_layer=False)
        self._head = nn.ModuleDict(
            {
                "dense_to_hidden": nn.Linear(shape.hidden_size, self.dimension),
                "LayerNorm": nn.LayerNorm(self.dimension, eps=1e-12),
                "dense_to_output": nn.Linear(self.dimension, self.dimension),
            }
        )
        try:
            for part, prefix in ((self._bert, "bert."), (self._head, "cls_projection_head.")):
                part.load_state_dict(_below(prefix, weights))
        except RuntimeError as error:
            raise ValueError("the weights do not fit the network") from error
        self._bert.train(False)
        content = hashlib.sha256(vocabulary.read_bytes() + json.dumps(config, sort_keys=True).encode())
        for name, value in sorted(weights.items()):
            content.update(name.encode() + value.numpy().tobytes())
        self.digest = extractor_digest(
            self.name, content.digest(), f"{self._longest} word pieces, alone; class token, projected"
        )

    def setup(self, device: str) -> None:
        use_exact_arithmetic()
        self._device = device
        self._bert.to(device)
        self._head.to(device)

    @torch.inference_mode()
    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            pieces = self._tokenizer(text, truncation=True, max_length=self._longest, return_tensors="pt")
            ids, mask = (pieces[name].to(self._device) for name in ("input_ids", "attention_mask"))
            token = self._bert(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
            hidden = self._head["LayerNorm"](F.gelu(self._head["dense_to_hidden"](token)))
            vectors[row] = self._head["dense_to_output"](hidden)[0].cpu().numpy()
        return vectors


def biovil_t(folder: Path) -> Matcher:
    """Both sides of the folder. Raises InputError where it does not hold them."""
    try:
        data = (folder / WEIGHTS).read_bytes()
        films = BioViLT(load_weights(data), hashlib.sha256(data).digest())
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return Matcher(films, BioViLTReports(config, _text_weights(folder), folder / "vocab.txt"))
    except (OSError, LookupError, TypeError, ValueError, SafetensorError) as error:
        raise InputError("no BioViL-T here", str(folder), _FIX) from error


class _Encoder(nn.Module):
    """Patches of a film (B, 256, h, w), and beside each what stands for no earlier film: (B, 512, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = resnet50(weights=None)
        self.backbone_to_vit = nn.Conv2d(2048, 256, 1, bias=False)
        self.missing_previous_emb = nn.Parameter(torch.zeros(1, 256, 1, 1))

    def forward(self, x_B3HW: Tensor) -> Tensor:
        trunk: Any = self.encoder
        x = trunk.maxpool(trunk.relu(trunk.bn1(trunk.conv1(x_B3HW))))
        x = self.backbone_to_vit(trunk.layer4(trunk.layer3(trunk.layer2(trunk.layer1(x)))))
        return torch.cat([x, self.missing_previous_emb.expand(len(x), -1, *x.shape[-2:])], dim=1)


class _Projector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers = nn.Conv2d(512, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU(inplace=True)
        self.model = nn.Sequential(*layers, nn.Conv2d(128, 128, 1))


class _Network(nn.Module):
    """Named as the weights file names its parts. To (B, 128), not normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.projector = _Encoder(), _Projector()

    def forward(self, x_B3HW: Tensor) -> Tensor:
        vectors: Tensor = self.projector.model(self.encoder(x_B3HW)).mean((2, 3))
        return vectors


def _text_weights(folder: Path) -> dict[str, Tensor]:
    tensors, pickled = (folder / name for name in _TEXT_WEIGHTS)
    if tensors.is_file():
        return load_safetensors(tensors.read_bytes())
    return load_weights(pickled.read_bytes())


def _below(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    own = {name.removeprefix(prefix): one for name, one in weights.items() if name.startswith(prefix)}
    own.pop("embeddings.position_ids", None)  # a buffer of older versions
    return {name: one for name, one in own.items() if not name.startswith("pooler.")}
