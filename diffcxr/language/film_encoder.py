"""The film encoder: what a report's global token is matched with while the squeeze is trained.

Film and report encoder together are the dual encoder of Diff-CXR's adaptive vision-aware textual learning
strategy (arXiv 2410.20165).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, ResNetConfig

from diffcxr.errors import InputError
from diffcxr.pretrained import BACKBONE_FIX

# Shapes: B films, H x W pixels, C channels of the backbone, h x w places of its last map, D width of a token.


def small_backbone() -> dict[str, Any]:
    """Configuration of the backbone that is trained from nothing: a residual network of 1 M parameters."""
    config = ResNetConfig(
        num_channels=1,
        embedding_size=32,
        hidden_sizes=[32, 64, 128, 192],
        depths=[1, 1, 1, 1],
        layer_type="basic",
    )
    return _configuration(config)


def _configuration(config: Any) -> dict[str, Any]:
    return config.to_diff_dict() | {"model_type": config.model_type}  # type: ignore[no-any-return]


def _preprocessing(folder: Path) -> tuple[int, list[float], list[float]]:
    """Pixels a side, mean and spread of each channel, of preprocessor_config.json."""
    values = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    size = values.get("crop_size") or values["size"]
    if isinstance(size, dict):
        size = size["height"] if "height" in size else size["shortest_edge"]
    return int(size), list(values["image_mean"]), list(values["image_std"])


class FilmEncoder(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers is untyped
    """Films (B, 1, H, W) in [0, 1] to vectors (B, D), by any image backbone of `transformers`.

    Args:
        backbone: configuration of the backbone, as `PretrainedConfig.to_dict` gives it.
        width: D, that of the report's global token.
        size: pixels a side that the backbone is given; None: those of the films.
        mean: what is subtracted, one for all channels or one each.
        std: what is then divided by.
    """

    config: Any  # the arguments, by ConfigMixin
    config_name = "config.json"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        backbone: dict[str, Any],
        width: int = 256,
        size: int | None = None,
        mean: Sequence[float] = (0.5,),
        std: Sequence[float] = (0.25,),
    ) -> None:
        super().__init__()
        self.pixels = size
        self.register_buffer("channel_mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("channel_std", torch.tensor(std)[:, None, None], persistent=False)
        shape = AutoConfig.for_model(**backbone)
        self.network = AutoModel.from_config(shape)  # type: ignore[no-untyped-call]
        self.channels = int(shape.num_channels)
        channels = int(shape.hidden_sizes[-1] if hasattr(shape, "hidden_sizes") else shape.hidden_size)
        self.places = nn.Sequential(nn.Linear(channels + 2, 2 * width), nn.GELU())
        self.out = nn.Linear(4 * width, width)

    @classmethod
    def from_weights(cls, folder: Path, width: int) -> FilmEncoder:
        """One that begins with a pretrained backbone and its preprocessing: a `transformers` folder.

        Films are resized whole, without the crop that photographs get: findings lie at the borders too.
        Raises InputError where the folder holds no image backbone.
        """
        try:
            pretrained = AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
            )
            shape = pretrained.config
            size, mean, std = _preprocessing(folder)
            encoder: FilmEncoder = cls(_configuration(shape), width, size, mean, std)
            encoder.network.load_state_dict(pretrained.state_dict())
        except (
            OSError, LookupError, AttributeError, ValueError, TypeError, RuntimeError, SafetensorError
        ) as error:  # fmt: skip
            raise InputError("the image backbone cannot be loaded", str(folder), BACKBONE_FIX) from error
        return encoder

    def forward(self, films_B1HW: Tensor) -> Tensor:
        """Vectors (B, D), not normalised."""
        if self.pixels is not None and films_B1HW.shape[-1] != self.pixels:
            films_B1HW = F.interpolate(
                films_B1HW, (self.pixels, self.pixels), mode="bilinear", antialias=True, align_corners=False
            )
        x = (films_B1HW.expand(-1, self.channels, -1, -1) - self.channel_mean) / self.channel_std
        features = self.network(x).last_hidden_state
        x_BPD = self.places(with_places(features))
        return cast(Tensor, self.out(torch.cat([x_BPD.mean(1), x_BPD.amax(1)], dim=1)))


def with_places(features: Tensor) -> Tensor:
    """Features (B, places, C + 2), each with where it is: (y, x) in [-1, 1], or zeros for tokens of a ViT,
    which know."""
    if features.ndim == 3:
        return F.pad(features, (0, 2))
    height, width = features.shape[-2:]
    ys, xs = (torch.linspace(-1, 1, side, device=features.device) for side in (height, width))
    grid_2hw = torch.stack(torch.meshgrid(ys, xs, indexing="ij")).to(features.dtype)
    return torch.cat([features, grid_2hw.expand(len(features), -1, -1, -1)], dim=1).flatten(2).transpose(1, 2)
