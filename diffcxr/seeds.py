"""The noise of a sample belongs to the sample: never to a rank, a shard, a batch or an order."""

from __future__ import annotations

import hashlib

import torch


def sample_seed(run_seed: int, report_id: str, sample_index: int) -> int:
    """The seed, in [0, 2**63), of one sample of a run."""
    key = f"{run_seed}/{sample_index}/{report_id}".encode()
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") >> 1


def generator(seed: int) -> torch.Generator:
    """A generator of the sample's noise, on the CPU, so that the noise is the same on every accelerator."""
    return torch.Generator("cpu").manual_seed(seed)
