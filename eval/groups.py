"""Whose film it is, as numbers: stable hashes of patients and films, and the groups that intervals delete."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GROUPS = 20
"""Groups of the delete-group jackknife: hash(patient_id) mod 20, never shards."""


def stable_hash(text: str) -> int:
    """64 bits of SHA-256: the same in every process, on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def patient_hashes(patient_ids: Sequence[str | None], report_ids: Sequence[str]) -> NDArray[np.uint64]:
    """One number (n,) a film; a film without a patient is its study's alone."""
    return np.array(
        [
            stable_hash(f"patient/{patient}" if patient is not None else f"report/{report}")
            for patient, report in zip(patient_ids, report_ids, strict=True)
        ],
        np.uint64,
    )


def film_keys(report_ids: Sequence[str], sample_indices: Sequence[int]) -> NDArray[np.uint64]:
    """One number (n,) a film, from (`report_id`, `sample_index`)."""
    return np.array(
        [
            stable_hash(f"film/{report}/{sample}")
            for report, sample in zip(report_ids, sample_indices, strict=True)
        ],
        np.uint64,
    )


def groups(patients: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The jackknife group (n,) of each film, 0 to GROUPS - 1."""
    return (patients % np.uint64(GROUPS)).astype(np.int64)


def of_another(patients: NDArray[np.uint64], turn: int) -> NDArray[np.int64]:
    """For each film (n,) the place of the first of another patient, from `turn` places on and around the end.

    -1 where there is no other patient.
    """
    count = len(patients)
    changes = np.flatnonzero(patients != np.roll(patients, 1))  # where another patient's films begin
    if not len(changes):
        return np.full(count, -1)
    start = (np.arange(count) + turn) % count
    after = changes[np.searchsorted(changes, start, "right") % len(changes)]
    return np.where(patients[start] != patients, start, after)
