"""Rarity: how often a film is drawn, so that rare findings are learnt as well as common ones."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Shapes: n films, F findings.


def rarity(present_nF: NDArray[np.bool_], power: float) -> Tensor:
    """How often each film is to be drawn (n,), in relation to the others.

    A film counts as much as its rarest finding is rare, to a power: with 1 every finding comes about as often
    as every other, with 0 every film does. What films look like, given what is said of them, stays the same.
    """
    nothing_n1 = ~present_nF.any(axis=1, keepdims=True)
    classes = np.concatenate([present_nF, nothing_n1], axis=1)
    share = np.maximum(classes.mean(axis=0), 1 / len(classes))
    return torch.from_numpy((classes / share).max(axis=1) ** power)
