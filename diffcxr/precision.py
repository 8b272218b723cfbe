"""Precision: the arithmetic in which a device computes fastest.

Where a processor has no bfloat16 of its own, PyTorch converts back and forth: a product of matrices took 50
times as long as in float32 on an AMD EPYC with AVX2 alone (torch 2.14; pytorch/pytorch#111456 tells of more).
"""

from __future__ import annotations

import torch

_CAPABILITIES = ("avx512_bf16", "amx_bf16", "sve_bf16")
"""Of CPUs that multiply matrices in bfloat16 themselves."""


def fastest_dtype(device: str) -> torch.dtype:
    """bfloat16 where a device computes in it, else float32; of a GPU that is not here it is taken to."""
    if device == "cpu":
        here = torch.cpu.get_capabilities()
        own = any(here.get(name) for name in _CAPABILITIES)
    else:
        own = not torch.cuda.is_available() or torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if own else torch.float32


def precision(device: str) -> str:
    """The name of the fastest dtype: what a computation on the device is to be known by beside its inputs."""
    return str(fastest_dtype(device)).removeprefix("torch.")


def autocast(device: torch.device) -> torch.autocast:
    """Autocast to bfloat16 where the device computes in it, else no autocast."""
    enabled = fastest_dtype(device.type) is torch.bfloat16
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)
