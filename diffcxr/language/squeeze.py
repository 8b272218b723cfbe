"""Squeezes: the states of a report of any length become one global token and K concise ones.

Source: the adaptive vision-aware textual learning strategy of Diff-CXR (arXiv 2410.20165). Its released form
is `conv`; `attention` is ours. `mean` and `none` are what they are measured against.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffcxr.language.text_encoder import WINDOW

# Shapes: B reports, L word pieces, E width of the text encoder, K tokens, D width of a token, N heads.


class Squeezed(NamedTuple):
    """What a report says, as one token and as a few."""

    whole: Tensor  # (B, D), the global token: what the film is matched with
    tokens: Tensor  # (B, K, D), what the denoiser is given


class AttentionSqueeze(nn.Module):
    """Learned queries read all states that are no padding, and a last query reads those tokens.

    The global token knows the report by the concise ones alone: what it must know to find its film, they say.

    Args:
        text_width: E.
        tokens: K.
        width: D.
        depth: times that the queries read.
        heads: N.
    """

    def __init__(self, text_width: int, tokens: int, width: int, depth: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(tokens, width) * 0.02)
        self.states_in = nn.Sequential(nn.LayerNorm(text_width), nn.Linear(text_width, width))
        self.readers = nn.ModuleList(Reader(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.whole_query = nn.Parameter(torch.randn(1, width) * 0.02)
        self.whole_reader = Reader(width, heads)

    def forward(self, states_BLE: Tensor, mask_BL: Tensor) -> Squeezed:
        states_BLD = self.states_in(states_BLE)
        tokens_BKD = self.queries.expand(len(states_BLE), -1, -1)
        for reader in self.readers:
            tokens_BKD = reader(tokens_BKD, states_BLD, mask_BL)
        tokens_BKD = self.norm(tokens_BKD)
        whole_B1D = self.whole_reader(
            self.whole_query.expand(len(states_BLE), -1, -1),
            tokens_BKD,
            mask_BL.new_ones(tokens_BKD.shape[:2]),
        )
        return Squeezed(whole_B1D[:, 0], tokens_BKD)


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

    def forward(self, x_BQD: Tensor, states_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        queries_BQD = self.norm_queries(x_BQD)
        read_BSD = torch.cat([queries_BQD, states_BLD], dim=1)
        seen_BS = F.pad(mask_BL, (queries_BQD.shape[1], 0), value=True)
        q_BNQd = self.q(queries_BQD).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k_BNSd, v_BNSd = self.kv(read_BSD).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed_BNQd = F.scaled_dot_product_attention(q_BNQd, k_BNSd, v_BNSd, attn_mask=seen_BS[:, None, None])
        x_BQD = x_BQD + self.projection(mixed_BNQd.transpose(1, 2).flatten(2))
        return x_BQD + cast(Tensor, self.mlp(self.norm_mlp(x_BQD)))


class ConvSqueeze(nn.Module):
    """Two convolutions along the features, word pieces their channels, as released.

    Word pieces have fixed places there, and there are WINDOW of them: of a longer report the last ones are
    read, where its impression stands. In front of them goes their mean.

    Args:
        text_width: E.
        tokens: K.
        width: D; the released one is E, and then there is no last projection.
    """

    def __init__(self, text_width: int, tokens: int, width: int) -> None:
        super().__init__()
        rows = 1 + WINDOW
        self.mix = nn.Sequential(nn.Conv1d(rows, rows, 3, padding=1), nn.LayerNorm(text_width), nn.ReLU())
        self.squeeze = nn.Sequential(
            nn.Conv1d(rows, 1 + tokens, 3, padding=1), nn.LayerNorm(text_width), nn.ReLU()
        )
        self.out = nn.Linear(text_width, width) if width != text_width else nn.Identity()

    def forward(self, states_BLE: Tensor, mask_BL: Tensor) -> Squeezed:
        mean_B1E = masked_mean(states_BLE, mask_BL)[:, None]
        x_BRE = torch.cat([mean_B1E, last_states(states_BLE, mask_BL, WINDOW)], dim=1)
        x_BQD = self.out(self.squeeze(self.mix(x_BRE)))
        return Squeezed(x_BQD[:, 0], x_BQD[:, 1:])


class MeanSqueeze(nn.Module):
    """The mean of the states, projected: all that a sentence encoder is usually asked for. K is 1."""

    def __init__(self, text_width: int, tokens: int, width: int) -> None:
        super().__init__()
        if tokens != 1:
            raise ValueError("a mean is one token")
        self.out = nn.Linear(text_width, width)

    def forward(self, states_BLE: Tensor, mask_BL: Tensor) -> Squeezed:
        mean_BD = self.out(masked_mean(states_BLE, mask_BL))
        return Squeezed(mean_BD, mean_BD[:, None])


class NoSqueeze(nn.Module):
    """The states themselves, normalised: the last K, as most text-to-image models have them. D is E."""

    def __init__(self, text_width: int, tokens: int, width: int) -> None:
        super().__init__()
        if width != text_width:
            raise ValueError("states that are not squeezed keep their width")
        self.tokens = tokens
        self.norm = nn.LayerNorm(text_width)

    def forward(self, states_BLE: Tensor, mask_BL: Tensor) -> Squeezed:
        states_BLE = self.norm(states_BLE)
        return Squeezed(masked_mean(states_BLE, mask_BL), last_states(states_BLE, mask_BL, self.tokens))


def masked_mean(states_BLE: Tensor, mask_BL: Tensor) -> Tensor:
    """The mean (B, E) of the states that are no padding."""
    weights_BL1 = mask_BL[..., None].to(states_BLE.dtype)
    return (states_BLE * weights_BL1).sum(1) / weights_BL1.sum(1).clamp_min(1)


def last_states(states_BLE: Tensor, mask_BL: Tensor, count: int) -> Tensor:
    """The last `count` states (B, count, E) of each report; zeros follow a shorter one's."""
    lengths_B1 = mask_BL.sum(1, keepdim=True)
    places_BC = (lengths_B1 - count).clamp_min(0) + torch.arange(count, device=states_BLE.device)
    held_BC = places_BC < lengths_B1
    places_BC = places_BC.clamp_max(states_BLE.shape[1] - 1)
    picked_BCE = states_BLE.gather(1, places_BC[..., None].expand(-1, -1, states_BLE.shape[2]))
    return picked_BCE * held_BC[..., None].to(picked_BCE.dtype)
