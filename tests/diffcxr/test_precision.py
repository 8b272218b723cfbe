"""Precision: bfloat16 where a processor computes in it, and nowhere else."""

import pytest
import torch

from diffcxr.precision import autocast, fastest_dtype, precision


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [
        ({"avx512_bf16": True, "avx512_f": True}, torch.bfloat16),
        ({"sve_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": False, "avx512_f": True}, torch.float32),
        ({"avx2": True}, torch.float32),
    ],
)
def test_a_cpu_computes_in_what_it_is_fast_at(
    capabilities: dict[str, bool], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert fastest_dtype("cpu") is dtype
    assert f"torch.{precision('cpu')}" == str(dtype)
    square = torch.eye(4)
    with autocast(torch.device("cpu")):
        assert (square @ square).dtype is dtype


def test_a_gpu_that_only_plays_bfloat16_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert fastest_dtype("cuda") is torch.float32
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert fastest_dtype("cuda") is torch.bfloat16
