"""Image backbones of `transformers`, by folder: RAD-DINO, and any other with its preprocessor_config.json."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import AutoModel

from diffcxr.errors import InputError
from eval.features.byte_resize import Resampling
from eval.features.extractor import extractor_digest, use_exact_arithmetic
from eval.features.preprocessing import CentreCrop, Preprocessing, Resize, Standardised, Step

_FOLDER = "a transformers folder: config.json, model.safetensors and preprocessor_config.json"
_FIX = f"Give backbone_weights=PATH, {_FOLDER}."
_RAD_DINO_FIX = (
    "Download huggingface.co/microsoft/rad-dino where there is a network, and give rad_dino_weights=PATH, "
    f"{_FOLDER}."
)
# By PIL's numbers, as preprocessor_config.json has them.
_RESAMPLING: dict[int, Resampling] = {2: "bilinear", 3: "bicubic"}


class Backbone:
    """An `Extractor`: a transformer's class token, or the mean over a convolutional network's last map.

    Films are prepared as the folder's preprocessor_config.json says, crop included.
    """

    def __init__(self, name: str, network: Any, weights: bytes, preprocessing: Preprocessing) -> None:
        """`weights`: the SHA-256 of each file that `network` was loaded from."""
        self.name = name
        self.preprocessing = preprocessing
        shape = network.config
        self.dimension = int(shape.hidden_sizes[-1] if hasattr(shape, "hidden_sizes") else shape.hidden_size)
        self.kind = str(shape.model_type)
        recipe = f"{preprocessing}; {self.kind}, class token or mean, {self.dimension}"
        self.digest = extractor_digest(name, weights, recipe)
        self._network, self._weights = network, weights

    @classmethod
    def rad_dino(cls, folder: str | None) -> Backbone:
        """RAD-DINO, a DINOv2 ViT-B/14 of chest films: 768 features at 518 pixels.

        Source: Pérez-García et al., arXiv 2401.10815. Raises InputError where the folder holds no DINOv2.
        """
        found = cls._from_folder("rad_dino", folder, _RAD_DINO_FIX)
        if found.kind != "dinov2":
            raise InputError(f"{found.kind} is not RAD-DINO", str(folder), _RAD_DINO_FIX)
        return found

    @classmethod
    def rad_dino_299(cls, folder: str | None) -> Backbone:
        """RAD-DINO of films that are first resized to 299 pixels, in 8 bits, as CheXGenBench does.

        Source: Raman1121/CheXGenBench, metrics/fid.py. Raises InputError as `rad_dino` does.
        """
        found = cls.rad_dino(folder)
        first = Resize(size=299, antialias=True, rounded=True)
        preprocessing = replace(found.preprocessing, steps=(first, *found.preprocessing.steps))
        return cls("rad_dino_299", found._network, found._weights, preprocessing)

    @classmethod
    def from_folder(cls, folder: str | None) -> Backbone:
        """Any image backbone of `transformers`. Raises InputError where the folder holds none."""
        return cls._from_folder("backbone", folder, _FIX)

    @classmethod
    def _from_folder(cls, name: str, folder: str | None, fix: str) -> Backbone:
        if folder is None:
            raise InputError(f"{name} needs its weights", "extractors", fix)
        at = Path(folder).expanduser()
        try:
            preprocessing = read_preprocessing(at / "preprocessor_config.json")
            # What a configuration says of heads and norms is not seen in the shapes of the weights.
            weights = b"".join(_sha256(at / file) for file in ("config.json", "model.safetensors"))
            network, loading = AutoModel.from_pretrained(
                at, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
            )
            # A head that pools is not run; what else is missing would be left at random.
            if lost := sorted(key for key in loading["missing_keys"] if not key.startswith("pooler.")):
                raise ValueError(f"no {lost[0]}")
            if network.config.num_channels != preprocessing.channels:
                raise ValueError("the network is not for colour images")
            return cls(name, network.eval(), weights, preprocessing)
        except (
            OSError, LookupError, AttributeError, ValueError, TypeError, RuntimeError, SafetensorError
        ) as error:  # fmt: skip
            raise InputError(f"{name} cannot be loaded", str(at), fix) from error

    def setup(self, device: str) -> None:
        use_exact_arithmetic()
        self._device = device
        self._network.to(device)

    @torch.inference_mode()
    def process(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        hidden = self._network(pixel_values=self.preprocessing(films, self._device)).last_hidden_state
        features: NDArray[np.float32] = (
            (hidden[:, 0] if hidden.ndim == 3 else hidden.mean((2, 3))).cpu().numpy()
        )
        return features


def read_preprocessing(file: Path) -> Preprocessing:
    """What a preprocessor_config.json says of size, crop, resampling, mean and std.

    Raises OSError, LookupError, TypeError or ValueError where it says too little, or what is not known here.
    """
    return preprocessing_of(json.loads(file.read_text(encoding="utf-8")))


def preprocessing_of(facts: dict[str, Any]) -> Preprocessing:
    """The same of what such a file holds."""
    for fact in ("do_resize", "do_rescale", "do_normalize"):
        if not facts.get(fact, True):
            raise ValueError(f"{fact} is false")
    size, crop = facts["size"], facts.get("crop_size") if facts.get("do_center_crop", True) else None
    shorter = isinstance(size, dict) and "shortest_edge" in size
    pixels = size["shortest_edge"] if shorter else _side(size)
    resize = Resize(
        size=pixels,
        resampling=_RESAMPLING[facts["resample"]],
        antialias=True,
        shorter=shorter,
        rounded=True,  # image processors resize 8-bit images to 8-bit images
    )
    steps: tuple[Step, ...] = (resize,)
    if crop is not None:
        steps = (resize, CentreCrop(_side(crop)))
        if _side(crop) > pixels:
            raise ValueError("a crop larger than the film")
    elif shorter:
        raise ValueError("films of different shapes, for there is no crop")
    scale = facts.get("rescale_factor", 1 / 255)
    mean, std = (tuple(value / scale for value in facts[key]) for key in ("image_mean", "image_std"))
    if not len(mean) == len(std) == 3:
        raise ValueError("not for colour images")
    return Preprocessing(steps=steps, values=Standardised(mean, std))


def _sha256(file: Path) -> bytes:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()


def _side(size: Any) -> int:
    """Pixels a side of what is written as a number, or as height and width."""
    if isinstance(size, int):
        return size
    if size["height"] != size["width"]:
        raise ValueError("not a square")
    return int(size["height"])
