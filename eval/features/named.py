"""Image backbones of torchvision and timm, by name, with the weights of a file."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import timm
import torch
import torchvision
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from timm.data.config import resolve_data_config
from torch import Tensor, nn

from diffcxr.errors import InputError
from eval.features.extractor import extractor_digest, load_weights, use_exact_arithmetic
from eval.features.preprocessing import CentreCrop, Preprocessing, Resize, Standardised

_FIX = (
    "Give named_model=torchvision/NAME or timm/NAME, and named_weights=PATH, its state_dict by torch.save or "
    "as safetensors."
)
_Resampling = Literal["bilinear", "bicubic"]


class Named:
    """An `Extractor`: what the network's last layer is given, of films prepared as its library does it."""

    name = "named"

    def __init__(self, model: str, weights: dict[str, Tensor], content: bytes) -> None:
        """`content`: the SHA-256 of the file of `weights`. Raises LookupError, RuntimeError or ValueError."""
        library, _, short = model.partition("/")
        made = {"torchvision": _of_torchvision, "timm": _of_timm}[library](short)
        self._network, self.preprocessing = made
        missing, unexpected = self._network.load_state_dict(weights, strict=False)
        # The class layer is not run; what else is missing would be left at random.
        last = _last_layer(self._network)
        if lost := [name for name in missing if not name.startswith(f"{last}.")] or unexpected:
            raise ValueError(f"{lost[0]} does not fit")
        self._network.eval()
        self._last = last
        layer: Any = self._network.get_submodule(last)
        self.dimension = int(layer.in_features)
        recipe = f"{model}; {self.preprocessing}; before {last}, {self.dimension}"
        self.digest = extractor_digest(self.name, content, recipe)

    @classmethod
    def from_file(cls, model: str | None, path: str | None) -> Named:
        """The network of that name with the weights at `path`. Raises InputError where they do not fit."""
        if model is None or path is None:
            raise InputError("named needs a model and its weights", "extractors", _FIX)
        file = Path(path).expanduser()
        try:
            data = file.read_bytes()
            weights = load_safetensors(data) if file.suffix == ".safetensors" else load_weights(data)
            return cls(model, weights, hashlib.sha256(data).digest())
        except (OSError, LookupError, AttributeError, RuntimeError, ValueError, SafetensorError) as error:
            raise InputError(f"no weights of {model}", str(file), _FIX) from error

    def setup(self, device: str) -> None:
        use_exact_arithmetic()
        self._device = device
        self._network.to(device)

    @torch.inference_mode()
    def process(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        given: list[Tensor] = []
        layer = self._network.get_submodule(self._last)
        hook = layer.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
        try:
            self._network(self.preprocessing(films, self._device))
        finally:
            hook.remove()
        features: NDArray[np.float32] = given[0].cpu().numpy()
        return features


def _of_torchvision(name: str) -> tuple[nn.Module, Preprocessing]:
    """As the transforms of its default weights say."""
    facts: Any = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    (size,), (crop,) = facts.resize_size, facts.crop_size
    resampling: _Resampling = facts.interpolation.value
    network: nn.Module = torchvision.models.get_model(name, weights=None)
    return network, _prepared(size, crop, resampling, facts.mean, facts.std)


def _of_timm(name: str) -> tuple[nn.Module, Preprocessing]:
    """As its evaluation transform does. Raises ValueError where that is none of a square in the centre."""
    network: nn.Module = timm.create_model(name, pretrained=False)
    facts: Any = resolve_data_config({}, model=network)  # type: ignore[no-untyped-call]
    channels, crop, width = facts["input_size"]
    if channels != 3 or crop != width or facts["crop_mode"] != "center":
        raise ValueError("not for the centre of colour images")
    size = math.floor(crop / facts["crop_pct"])
    return network, _prepared(size, crop, facts["interpolation"], facts["mean"], facts["std"])


def _prepared(size: int, crop: int, resampling: _Resampling, mean: Any, std: Any) -> Preprocessing:
    if resampling not in ("bilinear", "bicubic"):
        raise ValueError(f"{resampling} resampling")
    resize = Resize(size=size, resampling=resampling, antialias=True, shorter=True, rounded=True)
    greys = (tuple(255 * float(value) for value in each) for each in (mean, std))
    return Preprocessing(steps=(resize, CentreCrop(crop, even=True)), values=Standardised(*greys))


def _last_layer(network: nn.Module) -> str:
    linear: list[str] = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ValueError("no class layer")
    return linear[-1]
