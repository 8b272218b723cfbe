from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import CLIPConfig, CLIPModel, T5Config, T5Model

from diffcxr.errors import InputError
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.language.text_encoder import TextEncoder
from tests.weights_of_others import write_text_encoder


def test_any_transformers_folder_is_a_text_encoder_of_its_own_size(tmp_path: Path) -> None:
    model = write_text_encoder(tmp_path / "bert")
    encoder = TextEncoder(str(tmp_path / "bert"))
    states, mask = encoder(["abc.", "a"])
    assert encoder.width == 64 and states.shape == (2, 6, 64) and mask.sum(dim=1).tolist() == [6, 3]
    pieces = encoder._tokenizer(["abc."], return_tensors="pt")
    torch.testing.assert_close(states[0], model(**pieces).last_hidden_state[0], atol=1e-5, rtol=1e-5)


def test_a_text_encoder_with_few_positions_reads_a_long_report_in_more_windows(tmp_path: Path) -> None:
    write_text_encoder(tmp_path / "bert", positions=16)
    _, mask = TextEncoder(str(tmp_path / "bert"))(["a" + "b" * 27])
    assert mask.sum() == 28 + 2 * 2


def test_a_report_encoder_reads_by_the_text_encoder_that_it_was_trained_with_alone(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_text_encoder(tmp_path / f"{seed}", seed=seed)
    digests = [TextEncoder(str(tmp_path / f"{seed}")).digest for seed in (0, 1)]
    assert digests[0] != digests[1]
    shape = {"text_width": 64, "tokens": 2, "width": 16, "heads": 2}
    own = ReportEncoder(text_encoder=str(tmp_path / "0"), text_digest=digests[0], **shape)
    assert own.encode(["abc"]).tokens.shape == (1, 2, 16)
    other = ReportEncoder(text_encoder=str(tmp_path / "1"), text_digest=digests[0], **shape)
    with pytest.raises(InputError, match="another text encoder than the model's"):
        other.encode(["abc"])


def test_a_folder_without_a_text_encoder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text encoder here"):
        TextEncoder(str(tmp_path / "nothing"))
    write_text_encoder(tmp_path / "bert")
    (tmp_path / "bert" / "model.safetensors").rename(tmp_path / "bert" / "pytorch_model.bin")
    with pytest.raises(InputError, match="no text encoder as safetensors here"):
        TextEncoder(str(tmp_path / "bert"))


def test_a_model_that_is_no_encoder_of_text_is_one_line(tmp_path: Path) -> None:
    width = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    for name, model in {
        "clip": CLIPModel(CLIPConfig(text_config=width, vision_config=width | {"image_size": 32})),
        "t5": T5Model(T5Config(vocab_size=100, d_model=8, d_ff=8, d_kv=8, num_layers=1, num_heads=1)),
    }.items():
        write_text_encoder(tmp_path / name)
        model.save_pretrained(tmp_path / name)
        with pytest.raises(InputError, match="does not encode padded texts piece by piece"):
            TextEncoder(str(tmp_path / name))
