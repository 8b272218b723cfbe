"""The film and the report encoder of a model folder: our own matcher of films and reports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from diffcxr.errors import InputError
from diffcxr.language.film_encoder import FilmEncoder
from diffcxr.language.report_encoder import ReportEncoder
from eval.features.extractor import Matcher, extractor_digest, use_exact_arithmetic
from eval.features.preprocessing import Preprocessing, Range, Resize

SIZE = 128
"""Pixels a side of the films that the embedded model learnt from: of models whose encoder names no size."""
_FILES = ("config.json", "diffusion_pytorch_model.safetensors")
_FIX = (
    "Give mini, or a model folder with film_encoder/ and report_encoder/, as `train stage=language` writes."
)


class MiniVLM:
    """An `Extractor`: the film encoder's vector, which was learnt to meet that of the film's report."""

    name = "mini_vlm"

    def __init__(self, encoder: FilmEncoder, weights: bytes) -> None:
        """`weights`: the SHA-256 of each file that `encoder` was loaded from."""
        self._encoder = encoder
        self.dimension = int(encoder.config.width)
        self.preprocessing = Preprocessing(
            steps=(Resize(size=encoder.pixels or SIZE, antialias=True),), values=Range(0, 1), channels=1
        )
        self.digest = extractor_digest(self.name, weights, f"{self.preprocessing}; film encoder")

    @classmethod
    def from_folder(cls, folder: Path) -> MiniVLM:
        """The film side of a model folder. Raises InputError where it has none."""
        return cls(*_part(folder / "film_encoder", FilmEncoder))

    def setup(self, device: str) -> None:
        use_exact_arithmetic()
        self._device = device
        self._encoder.to(device)

    @torch.inference_mode()
    def process(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = self._encoder(self.preprocessing(films, self._device)).cpu().numpy()
        return vectors


class MiniVLMReports:
    """A `Reader`: the report encoder's global token."""

    name = "mini_vlm_reports"

    def __init__(self, encoder: ReportEncoder, weights: bytes) -> None:
        """`weights`: the SHA-256 of each file of `encoder`. Raises InputError without its text encoder."""
        self._encoder = encoder
        self.dimension = int(encoder.config.width)
        text = encoder.text_encoder()
        self.digest = extractor_digest(self.name, weights, f"{text.digest}, alone; global token")

    @classmethod
    def from_folder(cls, folder: Path) -> MiniVLMReports:
        """The report side of a model folder. Raises InputError where it has none."""
        return cls(*_part(folder / "report_encoder", ReportEncoder))

    def setup(self, device: str) -> None:
        use_exact_arithmetic()
        self._encoder.to(device)

    @torch.inference_mode()
    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = self._encoder.encode(list(texts)).whole.cpu().numpy()
        return vectors


def mini_vlm(folder: Path) -> Matcher:
    """Both sides of a model folder. Raises InputError where one is not there, or they do not fit together."""
    films, reports = MiniVLM.from_folder(folder), MiniVLMReports.from_folder(folder)
    if films.dimension != reports.dimension:
        raise InputError("film and report encoder of different widths", str(folder), _FIX)
    return Matcher(films, reports)


def _part(folder: Path, kind: Any) -> tuple[Any, bytes]:
    try:
        config, weights = ((folder / name).read_bytes() for name in _FILES)
        part = kind.from_config(json.loads(config))
        part.load_state_dict(load_safetensors(weights))
    except (OSError, LookupError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise InputError(f"no {folder.name} here", str(folder), _FIX) from error
    return part.float().eval(), b"".join(hashlib.sha256(data).digest() for data in (config, weights))
