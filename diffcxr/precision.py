"""Precision: the arithmetic in which a device computes fastest.

Where a processor has no bfloat16 of its own, PyTorch converts back and forth: a product of matrices took 50
times as long as in float32 on an AMD EPYC with AVX2 alone (torch 2.14; pytorch/pytorch#111456 tells of more).
"""

from __future__ import annotations

import torch

_CAPABILITIES = ("AVX512", "SVE256")
"""Of CPUs for which PyTorch has products in bfloat16 that are as fast as in float32, or faster."""


def fastest_dtype(device: str) -> torch.dtype:
    """bfloat16 on a GPU and on CPUs that compute in it, else float32."""
    capable = device != "cpu" or torch.backends.cpu.get_cpu_capability() in _CAPABILITIES
    return torch.bfloat16 if capable else torch.float32


def autocast(device: torch.device) -> torch.autocast:
    """Autocast to bfloat16 where the device computes in it, else no autocast."""
    enabled = fastest_dtype(device.type) is torch.bfloat16
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)
