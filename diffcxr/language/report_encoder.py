"""Report text to the few tokens that condition the denoiser."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from diffcxr.language.text_encoder import MINILM, TextEncoder

# Shapes: B reports, L word pieces, E width of the text encoder, K tokens, D width of a token, N heads.


class ReportEncoder(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers is untyped
    """Learned queries read the states of a frozen text encoder: (B, L, E) becomes (B, K, D), for any L.

    Args:
        text_encoder: MINILM or a folder for `transformers`.
        text_width: E.
        tokens: K.
        width: D.
        depth: times that the queries read.
        heads: N.
    """

    config_name = "config.json"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        text_encoder: str = MINILM,
        text_width: int = 384,
        tokens: int = 16,
        width: int = 256,
        depth: int = 2,
        heads: int = 4,
    ) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(tokens, width) * 0.02)
        self.states_in = nn.Sequential(nn.LayerNorm(text_width), nn.Linear(text_width, width))
        self.readers = nn.ModuleList(Reader(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def encode(self, reports: list[str]) -> Tensor:
        """Tokens (B, K, D) of report texts.

        Each is encoded alone: padded to the longest of a batch, its last bits would depend on the others, and
        a film would not be the same when it is made again beside other reports.
        """
        text_encoder = TextEncoder(self.config.text_encoder)
        tokens_1KD = []
        for report in reports:
            states_1LE, mask_1L = text_encoder([report], self.device)
            tokens_1KD.append(cast(Tensor, self(states_1LE.to(self.dtype), mask_1L)))
        return torch.cat(tokens_1KD)

    def forward(self, states_BLE: Tensor, mask_BL: Tensor) -> Tensor:
        """Tokens (B, K, D) of a text encoder's states; `mask_BL` is True where there is a word piece."""
        states_BLD = self.states_in(states_BLE)
        tokens_BKD = self.queries.expand(len(states_BLE), -1, -1)
        for reader in self.readers:
            tokens_BKD = reader(tokens_BKD, states_BLD, mask_BL)
        return cast(Tensor, self.norm(tokens_BKD))


class Reader(nn.Module):
    """Queries attend to each other and to the states, then an MLP."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_queries = nn.LayerNorm(width)
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.projection = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens_BKD: Tensor, states_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        queries_BKD = self.norm_queries(tokens_BKD)
        read_BSD = torch.cat([queries_BKD, states_BLD], dim=1)
        seen_BS = F.pad(mask_BL, (queries_BKD.shape[1], 0), value=True)
        q_BNKd = self.q(queries_BKD).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k_BNSd, v_BNSd = self.kv(read_BSD).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed_BNKd = F.scaled_dot_product_attention(q_BNKd, k_BNSd, v_BNSd, attn_mask=seen_BS[:, None, None])
        tokens_BKD = tokens_BKD + self.projection(mixed_BNKd.transpose(1, 2).flatten(2))
        return tokens_BKD + cast(Tensor, self.mlp(self.norm_mlp(tokens_BKD)))
