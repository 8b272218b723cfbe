from __future__ import annotations

import pytest
import torch

from diffcxr.language.report_encoder import ReportEncoder, SqueezeName
from diffcxr.language.text_encoder import WINDOW, TextEncoder


def encoder_of(squeeze: SqueezeName) -> ReportEncoder:
    torch.manual_seed(0)
    width, tokens = (384 if squeeze == "none" else 32), (1 if squeeze == "mean" else 4)
    return ReportEncoder(squeeze=squeeze, tokens=tokens, width=width, depth=2, heads=2).eval()


SQUEEZES = ("attention", "conv", "mean", "none")


@pytest.mark.parametrize("squeeze", SQUEEZES)
def test_tokens_do_not_depend_on_padding(squeeze: SqueezeName) -> None:
    encoder = encoder_of(squeeze)
    states = torch.randn(1, 7, 384)
    padded = torch.cat([states, torch.full((1, 5, 384), 9.0)], dim=1)
    alone = encoder(states, torch.ones(1, 7, dtype=torch.bool))
    beside = encoder(padded, torch.arange(12)[None] < 7)
    torch.testing.assert_close(alone, beside, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("squeeze", SQUEEZES)
def test_a_report_of_any_length_becomes_as_many_tokens(squeeze: SqueezeName) -> None:
    encoder = encoder_of(squeeze)
    whole, tokens = encoder.encode(["Clear.", "The lungs are clear. " * 200])
    assert whole.shape == (2, encoder.config.width)
    assert tokens.shape == (2, encoder.config.tokens, encoder.config.width)


@pytest.mark.parametrize("squeeze", SQUEEZES)
def test_a_report_longer_than_the_window_keeps_its_impression(squeeze: SqueezeName) -> None:
    long = "the lungs are clear " * 120
    ends = ["impression large right pneumothorax", "impression no acute disease is seen"]
    whole, tokens = encoder_of(squeeze).encode([long + end for end in ends])
    assert not torch.allclose(whole[0], whole[1], atol=1e-4)
    assert not torch.allclose(tokens[0], tokens[1], atol=1e-4)


def test_attention_reads_the_beginning_of_a_long_report_too() -> None:
    long = "the lungs are clear " * 120
    starts = ["large right pneumothorax ", "no acute disease is seen "]
    whole, _ = encoder_of("attention").encode([start + long for start in starts])
    assert not torch.allclose(whole[0], whole[1], atol=1e-5)


def test_a_long_report_has_all_its_word_pieces_in_windows() -> None:
    states, mask = TextEncoder()(["clear " * 600, "clear"])
    windows = -(-600 // (WINDOW - 2))
    assert mask.sum(dim=1).tolist() == [600 + 2 * windows, 3]
    assert states.shape == (2, 600 + 2 * windows, 384)


def test_the_text_encoder_is_no_weight_of_the_report_encoder() -> None:
    encoder = encoder_of("attention")
    encoder.encode(["Clear."])
    assert sum(p.numel() for p in encoder.parameters()) < 100_000


def test_what_a_squeeze_cannot_be_is_an_error() -> None:
    with pytest.raises(ValueError, match="keep their width"):
        ReportEncoder(squeeze="none", tokens=4, width=32)
    with pytest.raises(ValueError, match="one token"):
        ReportEncoder(squeeze="mean", tokens=4, width=32)
