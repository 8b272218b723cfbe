"""Which films stand together for MS-SSIM: four of one prompt, or four of four patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.ms_ssim import SAMPLES

PROMPTS = 2_000
"""Prompts at most, as in RoentGen's protocol: where all samples 0 come first, 0.4 GB of their films at 256
pixels wait in one place. Their mean is known to 1/45 of the standard deviation of prompts."""
STRANGERS = 250
"""Quartets of real films at most: their 65 MB at 256 pixels meet in one place."""


@dataclass(frozen=True, slots=True, eq=False)
class Quartets:
    """The films that have a place in one, by their keys; a film knows its place wherever it is read."""

    keys: NDArray[np.uint64]  # (m,), ascending
    prompts: NDArray[np.uint64]  # (m,): the quartet's number
    indices: NDArray[np.int64]  # (m,): 0 to SAMPLES - 1
    found: int  # quartets that there are; these are the first

    def places(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """For films (n,): where each stands here, or -1."""
        if not len(self.keys):
            return np.full(len(keys), -1)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, -1)


def of_prompts(keys: NDArray[np.uint64], firsts: NDArray[np.uint64], samples: NDArray[np.int64]) -> Quartets:
    """The first four samples of prompts that have as many, told by the key of their report's first film.

    PROMPTS at most, those of the smallest keys: these are hashes of reports, so that the choice is as good as
    one at random, the same whatever the order of films, and of the same reports where models are compared.
    """
    chosen = np.flatnonzero(samples < SAMPLES)
    _, prompt, count = np.unique(firsts[chosen], return_inverse=True, return_counts=True)
    whole = count == SAMPLES  # the films of others would wait for ever
    chosen = chosen[(whole & (np.cumsum(whole) <= PROMPTS))[prompt]]
    return _quartets(keys[chosen], firsts[chosen], samples[chosen], int(whole.sum()))


def of_strangers(patients: NDArray[np.uint64], keys: NDArray[np.uint64]) -> Quartets:
    """Films of different patients, four by four: one a patient in the order of keys, STRANGERS at most.

    What likeness means is told by films that have nothing in common but that they are chest films.
    """
    order = np.argsort(keys, kind="stable")
    _, first = np.unique(patients[order], return_index=True)  # each patient's film of the smallest key
    chosen = order[np.sort(first)]
    found = len(chosen) // SAMPLES
    chosen = chosen[: min(found, STRANGERS) * SAMPLES]
    number = np.arange(len(chosen))
    return _quartets(keys[chosen], (number // SAMPLES).astype(np.uint64), number % SAMPLES, found)


def _quartets(
    keys: NDArray[np.uint64], prompts: NDArray[np.uint64], indices: NDArray[np.int64], found: int
) -> Quartets:
    order = np.argsort(keys, kind="stable")
    return Quartets(keys[order], prompts[order], indices[order].astype(np.int64), found)
