from __future__ import annotations

import numpy as np
import torch

from diffcxr.language.text_encoder import TextEncoder
from diffcxr.training.text_states import encode_texts

TEXTS = ["The heart is large.", "Clear lungs, no effusion and no pneumothorax.", "The heart is large."]


def test_equal_texts_are_encoded_once_and_found_again() -> None:
    told: list[int] = []
    states = encode_texts(TextEncoder(), TEXTS, batch_size=1, on_batch=told.append)
    assert len(states.starts) == 3 and sorted(told) == [1, 2]
    assert states.which.tolist() == [0, 1, 0]
    assert states.different().which.tolist() == [0, 1]


def test_a_batch_holds_each_texts_own_states() -> None:
    encoder = TextEncoder()
    states, mask = encode_texts(encoder, TEXTS, batch_size=2).batch(np.array([1, 2]))
    for text, padded, seen in zip((TEXTS[1], TEXTS[2]), states, mask, strict=True):
        alone, _ = encoder([text])
        assert seen.sum() == alone.shape[1]
        torch.testing.assert_close(padded[seen], alone[0], atol=0.05, rtol=0.05)  # bfloat16, then half
