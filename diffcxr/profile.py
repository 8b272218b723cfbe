"""Profiles: the shapes of whole models, and how a film is sampled from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from diffusers import AutoencoderKL
from transformers import BertConfig, BertModel

from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.denoiser.uvit import UViT
from diffcxr.language.report_encoder import ReportEncoder, SqueezeName


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A model without its weights; each method builds a part."""

    size: int  # pixels a side; latents have an eighth
    latent_channels: int
    patch_size: int  # latent pixels a side
    width: int  # of the denoiser's tokens
    depth: int  # blocks beside the middle one
    heads: int
    context_tokens: int
    context_width: int
    squeeze: SqueezeName
    steps: int  # of the sampler
    guidance_scale: float
    autoencoder: Callable[[], AutoencoderKL | FilmAutoencoder]
    text: Callable[[], BertConfig]

    @property
    def latent_size(self) -> int:
        """Latent pixels a side."""
        return self.size // 8

    def denoiser(self) -> UViT:
        """The U-ViT; a control adapter attaches to it."""
        denoiser: UViT = UViT(
            latent_channels=self.latent_channels,
            latent_size=self.latent_size,
            patch_size=self.patch_size,
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            context_tokens=self.context_tokens,
            context_width=self.context_width,
        )
        return denoiser

    def text_encoder(self) -> BertModel:
        """The frozen text encoder."""
        return BertModel(self.text())

    def report_encoder(self) -> ReportEncoder:
        """What reads the text encoder's states into context tokens."""
        encoder: ReportEncoder = ReportEncoder(
            text_width=self.text().hidden_size,
            squeeze=self.squeeze,
            tokens=self.context_tokens,
            width=self.context_width,
            heads=self.context_width // 64,
        )
        return encoder


def _stable_diffusion_autoencoder() -> AutoencoderKL:
    """Stable Diffusion's KL-f8 (Rombach et al., CVPR 2022)."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        latent_channels=4,
    )


PAPER = Profile(
    size=256,
    latent_channels=4,
    patch_size=2,
    width=512,
    depth=16,
    heads=8,
    context_tokens=77,
    context_width=768,
    squeeze="conv",
    steps=50,
    guidance_scale=2.0,  # the release writes cond + 1.0 (cond - uncond)
    autoencoder=_stable_diffusion_autoencoder,
    text=BertConfig,  # its defaults are BERT-base, which PubMedBERT in BiomedCLIP is
)
"""Diff-CXR as released."""

MINI = Profile(
    size=128,
    latent_channels=8,
    patch_size=2,
    width=256,
    depth=6,
    heads=4,
    context_tokens=16,
    context_width=256,
    squeeze="attention",
    steps=20,
    guidance_scale=2.0,
    autoencoder=FilmAutoencoder,
    text=lambda: BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    ),
)
"""The embedded model."""

NANO = replace(MINI, width=128, depth=4, heads=2, context_width=128)
"""A small one for ablations, on the embedded model's autoencoder."""

PROFILES = {"paper": PAPER, "mini": MINI, "nano": NANO}
"""By the names that `train` has them by: jobs/conf/profile holds the options that lead to these shapes."""
