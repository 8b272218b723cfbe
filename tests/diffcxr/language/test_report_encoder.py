from __future__ import annotations

import torch

from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.language.text_encoder import TextEncoder


def test_tokens_do_not_depend_on_padding() -> None:
    torch.manual_seed(0)
    encoder = ReportEncoder(tokens=4, width=32, depth=2, heads=2).eval()
    states = torch.randn(1, 7, 384)
    padded = torch.cat([states, torch.full((1, 5, 384), 9.0)], dim=1)
    alone = encoder(states, torch.ones(1, 7, dtype=torch.bool))
    beside = encoder(padded, torch.arange(12)[None] < 7)
    torch.testing.assert_close(alone, beside, atol=1e-5, rtol=1e-5)


def test_a_report_of_any_length_becomes_as_many_tokens() -> None:
    encoder = ReportEncoder(tokens=4, width=32, depth=1, heads=2).eval()
    reports = ["Clear.", "The lungs are clear. " * 30]
    assert encoder.encode(reports).shape == (2, 4, 32)


def test_a_report_longer_than_the_window_keeps_its_end() -> None:
    encoder = TextEncoder(window=16)
    end = "impression large right pneumothorax"
    long = encoder(["the lungs are clear " * 40 + end])[0]
    other = encoder(["the lungs are clear " * 40 + "impression no acute disease seen"])[0]
    assert long.shape[1] == 16
    assert not torch.allclose(long[:, -6:], other[:, -6:], atol=1e-2)


def test_the_text_encoder_is_no_weight_of_the_report_encoder() -> None:
    encoder = ReportEncoder(tokens=4, width=32, depth=1, heads=2)
    encoder.encode(["Clear."])
    assert sum(p.numel() for p in encoder.parameters()) < 100_000
