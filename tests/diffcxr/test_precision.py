"""Precision: bfloat16 where a processor computes in it, and nowhere else."""

import pytest
import torch

from diffcxr.precision import autocast, fastest_dtype


@pytest.mark.parametrize(
    ("capability", "dtype"),
    [
        ("AVX512", torch.bfloat16),
        ("SVE256", torch.bfloat16),
        ("AVX2", torch.float32),
        ("DEFAULT", torch.float32),
    ],
)
def test_a_cpu_computes_in_what_it_is_fast_at(
    capability: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert fastest_dtype("cpu") is dtype
    assert fastest_dtype("cuda") is torch.bfloat16
    square = torch.eye(4)
    with autocast(torch.device("cpu")):
        assert (square @ square).dtype is dtype
