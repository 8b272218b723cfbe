"""The autoencoder of Stable Diffusion, as it is, for grey films: 8x down, four channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from diffusers import AutoencoderKL
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from safetensors import SafetensorError
from torch import Tensor

from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.errors import InputError
from diffcxr.pretrained import AUTOENCODER_FIX

# Shapes: B films, H x W pixels, C latent channels, h = H/8, w = W/8.


class KLAutoencoder(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers is untyped
    """A pretrained AutoencoderKL with the interface of a FilmAutoencoder. It is used as it is, never trained.

    A film's latents are the mean of its posterior, times the scaling factor that the autoencoder came with
    (0.18215 for Stable Diffusion's KL-f8, Rombach et al., CVPR 2022, which Diff-CXR uses).

    Args:
        network: the configuration of the AutoencoderKL.
    """

    config: Any  # the arguments, by ConfigMixin
    config_name = "config.json"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, network: dict[str, Any]) -> None:
        super().__init__()
        self.autoencoder = AutoencoderKL.from_config(network)

    @classmethod
    def from_weights(cls, folder: Path) -> KLAutoencoder:
        """The autoencoder of a diffusers folder, in float32. Raises InputError where there is none such."""
        try:
            network = AutoencoderKL.from_pretrained(
                folder, use_safetensors=True, local_files_only=True, torch_dtype=torch.float32
            )
        except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
            raise InputError("the autoencoder cannot be loaded", str(folder), AUTOENCODER_FIX) from error
        if len(network.config.block_out_channels) != 4:
            raise InputError(
                "the autoencoder does not make latents of an eighth", str(folder), AUTOENCODER_FIX
            )
        own: KLAutoencoder = cls(_without_origin(network.config))
        own.autoencoder.load_state_dict(network.state_dict())
        return own.eval().requires_grad_(False)  # type: ignore[no-any-return]

    @property
    def latent_channels(self) -> int:
        """C."""
        return int(self.autoencoder.config.latent_channels)

    def encode(self, films_B1HW: Tensor) -> Tensor:
        """Scaled latents (B, C, H/8, W/8) of films in [0, 1]; H and W are multiples of 8."""
        posterior = self.autoencoder.encode((films_B1HW * 2 - 1).expand(-1, 3, -1, -1)).latent_dist
        return cast(Tensor, posterior.mode() * self.autoencoder.config.scaling_factor)

    def decode(self, latents_BChw: Tensor) -> Tensor:
        """Films (B, 1, H, W), about [0, 1] and not clipped, of scaled latents: the mean of three colours."""
        colours_B3HW = self.autoencoder.decode(latents_BChw / self.autoencoder.config.scaling_factor).sample
        return (cast(Tensor, colours_B3HW).mean(dim=1, keepdim=True) + 1) / 2


Autoencoder = FilmAutoencoder | KLAutoencoder
"""What a pipeline can have: `encode` and `decode`."""


def _without_origin(config: Any) -> dict[str, Any]:
    """Without names that diffusers adds: where the weights came from is nothing of the model's."""
    return {name: value for name, value in dict(config).items() if not name.startswith("_")}
