"""The states of a frozen text encoder, made once for all reports of a corpus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from diffcxr.language.text_encoder import TextEncoder
from diffcxr.precision import autocast

# Shapes: n texts, B of them, L word pieces of the longest, E width of the encoder.


@dataclass(frozen=True, slots=True)
class TextStates:
    """States of n texts in half precision, those of equal texts held once."""

    states: Tensor  # (sum of the lengths of the different texts, E) float16
    starts: NDArray[np.int64]  # offsets into them, one a different text and the end
    which: NDArray[np.int64]  # (n,) which of the different texts each one is

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """States (B, L, E) of texts by their numbers, padded to the longest, and their mask (B, L)."""
        texts = self.which[rows]
        parts = [self.states[self.starts[text] : self.starts[text + 1]] for text in texts]
        lengths = torch.tensor([len(part) for part in parts])
        padded = nn.utils.rnn.pad_sequence(parts, batch_first=True).float()
        return padded, torch.arange(padded.shape[1])[None] < lengths[:, None]

    def different(self) -> TextStates:
        """The different texts, each once; `which` says where the others are among them."""
        return TextStates(self.states, self.starts, np.arange(len(self.starts) - 1))


def encode_texts(
    encoder: TextEncoder,
    texts: list[str],
    batch_size: int = 32,
    on_batch: Callable[[int], None] | None = None,
    device: torch.device | None = None,
) -> TextStates:
    """The states of all texts, made on `device` (the CPU) and kept on the CPU. Similar lengths go together.

    `on_batch` is told how many of the texts are done since it was last told.
    """
    device = device or torch.device("cpu")
    numbers: dict[str, int] = {}
    which = np.array([numbers.setdefault(text, len(numbers)) for text in texts])
    copies = np.bincount(which)
    different = list(numbers)
    order = sorted(range(len(different)), key=lambda text: len(different[text]))
    states: list[Tensor] = [torch.empty(0)] * len(different)
    for i in range(0, len(order), batch_size):
        batch = order[i : i + batch_size]
        with autocast(device):
            states_BLE, mask_BL = encoder([different[text] for text in batch], device)
        for text, state, seen in zip(batch, states_BLE, mask_BL, strict=True):
            states[text] = state[seen].half().cpu()
        if on_batch:
            on_batch(int(copies[batch].sum()))
    starts = np.cumsum([0, *(len(state) for state in states)])
    return TextStates(torch.cat(states), starts, which)
