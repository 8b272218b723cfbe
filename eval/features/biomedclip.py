"""BiomedCLIP as it is published, an open_clip checkpoint: films and reports in its common space."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoTokenizer

from diffcxr.errors import InputError
from diffcxr.language.biomedclip import film_tower, image_processor, read_checkpoint, text_tower
from eval.features.backbone import preprocessing_of
from eval.features.extractor import Matcher, extractor_digest, use_exact_arithmetic
from eval.features.preprocessing import CentreCrop, Preprocessing

CONFIG = "open_clip_config.json"
"""The file by which such a folder is told."""
PIECES = 256
"""Word pieces of a report that are read; the rest is cut off, as open_clip does."""
_FIX = "Give the folder of BiomedCLIP as it is published, with its tokenizer."


class BiomedCLIP:
    """An `Extractor`: the class token, projected into the common space.

    Source: open_clip's TimmModel, and its `image_transform`; Zhang et al., arXiv 2303.00915.
    """

    name = "biomedclip"

    def __init__(self, tower: nn.Module, head: Tensor, weights: bytes, preprocessing: Preprocessing) -> None:
        self._tower, self._head = tower, head
        self.preprocessing = preprocessing
        self.dimension = len(head)
        self.digest = extractor_digest(self.name, weights, f"{preprocessing}; class token, projected")

    def setup(self, device: str) -> None:
        use_exact_arithmetic()
        self._device = device
        self._tower.to(device)
        self._head = self._head.to(device)

    @torch.inference_mode()
    def process(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        token = self._tower(pixel_values=self.preprocessing(films, self._device)).last_hidden_state[:, 0]
        vectors: NDArray[np.float32] = (token @ self._head.T).cpu().numpy()
        return vectors


class BiomedCLIPReports:
    """A `Reader`: the class token behind the text tower's two-layer projection. Source: its HFTextEncoder."""

    name = "biomedclip_reports"

    def __init__(
        self, tower: nn.Module, layers: tuple[Tensor, Tensor], tokenizer: Any, weights: bytes
    ) -> None:
        self._tower, self._layers, self._tokenizer = tower, layers, tokenizer
        self.dimension = len(layers[1])
        self.digest = extractor_digest(
            self.name, weights, f"{PIECES} word pieces, alone; class token, projected"
        )

    def setup(self, device: str) -> None:
        use_exact_arithmetic()
        self._device = device
        self._tower.to(device)
        self._layers = (self._layers[0].to(device), self._layers[1].to(device))

    @torch.inference_mode()
    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            pieces = self._tokenizer(
                " ".join(text.split()), truncation=True, max_length=PIECES, return_tensors="pt"
            ).to(self._device)
            token = self._tower(**pieces).last_hidden_state[0, 0]
            vectors[row] = (F.gelu(token @ self._layers[0].T) @ self._layers[1].T).cpu().numpy()
        return vectors


def biomedclip(folder: Path) -> Matcher:
    """Both sides of the folder. Raises InputError where it holds no such checkpoint."""
    weights = read_checkpoint(folder)
    try:
        settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        size = int(settings["model_cfg"]["vision_cfg"].get("image_size", 224))
        preprocessing = _of_torchvision(preprocessing_of(image_processor(settings["preprocess_cfg"], size)))
        # `proj` within a head with dropout, as timm towers have it; else the head itself.
        head = weights.get("visual.head.proj.weight", weights.get("visual.head.weight"))
        layers = weights["text.proj.0.weight"], weights["text.proj.2.weight"]
        if head is None or len(head) != len(layers[1]):
            raise ValueError("no common space")
        films, reports = film_tower(weights, size), text_tower(weights)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise InputError("no BiomedCLIP checkpoint here", str(folder), _FIX) from error
    content = _content(weights)
    return Matcher(
        BiomedCLIP(films, head, content, preprocessing),
        BiomedCLIPReports(reports, layers, tokenizer, content + _words(tokenizer)),
    )


def _of_torchvision(preprocessing: Preprocessing) -> Preprocessing:
    """The same, cropped as open_clip does, which is torchvision's way."""
    steps = (replace(s, even=True) if isinstance(s, CentreCrop) else s for s in preprocessing.steps)
    return replace(preprocessing, steps=tuple(steps))


def _content(weights: dict[str, Tensor]) -> bytes:
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        digest.update(name.encode() + value.contiguous().numpy().tobytes())
    return digest.digest()


def _words(tokenizer: Any) -> bytes:
    return hashlib.sha256(json.dumps(tokenizer.get_vocab(), sort_keys=True).encode()).digest()
