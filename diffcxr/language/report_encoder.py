"""Report text to the few tokens that condition the denoiser."""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from diffcxr.errors import InputError
from diffcxr.language.squeeze import AttentionSqueeze, ConvSqueeze, MeanSqueeze, NoSqueeze, Squeezed
from diffcxr.language.text_encoder import TextEncoder
from diffcxr.pretrained import MINILM

SqueezeName = Literal["attention", "conv", "mean", "none"]

# Shapes: B reports, L word pieces, E width of the text encoder, K tokens, D width of a token.


class ReportEncoder(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers is untyped
    """A frozen text encoder's states, squeezed: (B, L, E) becomes one token (B, D) and K tokens (B, K, D).

    Args:
        text_encoder: MINILM or a folder for `transformers`.
        text_width: E.
        squeeze: how; see `diffcxr.language.squeeze`.
        tokens: K.
        width: D.
        depth: times that the queries of `attention` read.
        heads: their attention heads.
        text_digest: the `digest` of the text encoder that it was trained with, to be compared with.
    """

    config: Any  # the arguments, by ConfigMixin
    config_name = "config.json"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        text_encoder: str = MINILM,
        text_width: int = 384,
        squeeze: SqueezeName = "attention",
        tokens: int = 16,
        width: int = 256,
        depth: int = 2,
        heads: int = 4,
        text_digest: str | None = None,
    ) -> None:
        super().__init__()
        self.layers: nn.Module
        if squeeze == "attention":
            self.layers = AttentionSqueeze(text_width, tokens, width, depth, heads)
        else:
            plain = {"conv": ConvSqueeze, "mean": MeanSqueeze, "none": NoSqueeze}[squeeze]
            self.layers = plain(text_width, tokens, width)

    def forward(self, states_BLE: Tensor, mask_BL: Tensor) -> Squeezed:
        """The tokens of a text encoder's states; `mask_BL` is True where there is a word piece."""
        return cast(Squeezed, self.layers(states_BLE, mask_BL))

    def text_encoder(self) -> TextEncoder:
        """The frozen text encoder. Raises InputError where it is not there, or not the one trained with."""
        encoder = TextEncoder(self.config.text_encoder)
        if self.config.text_digest not in (None, encoder.digest):
            fix = "Put back the text encoder that the model was trained with."
            raise InputError("another text encoder than the model's", encoder.name, fix)
        return encoder

    def encode(self, reports: list[str]) -> Squeezed:
        """The tokens of report texts.

        Each is encoded alone: padded to the longest of a batch, its last bits would depend on the others, and
        a film would not be the same when it is made again beside other reports.
        """
        text_encoder = self.text_encoder()
        parts: list[Squeezed] = []
        for report in reports:
            states_1LE, mask_1L = text_encoder([report], self.device)
            parts.append(self(states_1LE.to(self.dtype), mask_1L))
        return Squeezed(torch.cat([part.whole for part in parts]), torch.cat([part.tokens for part in parts]))
