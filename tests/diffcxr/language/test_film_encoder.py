from __future__ import annotations

from pathlib import Path

import pytest
import torch

from diffcxr.errors import InputError
from diffcxr.language.film_encoder import FilmEncoder, small_backbone
from tests.weights_of_others import write_image_backbone, write_text_encoder


@torch.no_grad()
def test_a_pretrained_backbone_begins_with_its_weights_and_its_preprocessing(tmp_path: Path) -> None:
    model = write_image_backbone(tmp_path)
    encoder = FilmEncoder.from_weights(tmp_path, width=24).eval()
    seen: list[torch.Tensor] = []
    encoder.network.register_forward_hook(lambda _, given, made: seen.extend([given[0], made[0]]))
    film = torch.rand(1, 1, 32, 32)
    assert encoder(film).shape == (1, 24)
    colours = torch.stack([(film[0, 0] - mean) / std for mean, std in ((0.4, 0.2), (0.5, 0.3), (0.6, 0.4))])
    torch.testing.assert_close(seen[0][0], colours)
    torch.testing.assert_close(seen[1], model(colours[None]).last_hidden_state)


@torch.no_grad()
def test_films_of_another_size_are_resized_whole(tmp_path: Path) -> None:
    write_image_backbone(tmp_path)
    encoder = FilmEncoder.from_weights(tmp_path, width=24).eval()
    small = torch.rand(1, 1, 32, 32)
    large = small.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2)
    changed = large.clone()
    changed[..., -2:, -2:] = 1 - changed[..., -2:, -2:]
    assert not torch.allclose(encoder(large), encoder(changed))


def test_an_encoder_with_pretrained_beginnings_is_saved_and_loaded(tmp_path: Path) -> None:
    write_image_backbone(tmp_path / "vit")
    encoder = FilmEncoder.from_weights(tmp_path / "vit", width=24).eval()
    encoder.save_pretrained(tmp_path / "saved")
    film = torch.rand(1, 1, 48, 48)
    loaded = FilmEncoder.from_pretrained(tmp_path / "saved", low_cpu_mem_usage=False).eval()
    torch.testing.assert_close(loaded(film), encoder(film))


def test_the_small_backbone_takes_films_as_they_are() -> None:
    encoder = FilmEncoder(small_backbone(), width=24).eval()
    seen: list[torch.Tensor] = []
    encoder.network.register_forward_hook(lambda _, given, made: seen.append(given[0]))
    film = torch.rand(1, 1, 40, 40)
    encoder(film)
    torch.testing.assert_close(seen[0], (film - 0.5) * 4)


def test_what_is_no_image_backbone_is_one_line(tmp_path: Path) -> None:
    write_text_encoder(tmp_path / "bert")
    write_image_backbone(tmp_path / "vit")
    (tmp_path / "vit" / "preprocessor_config.json").unlink()
    for folder in ("nothing", "bert", "vit"):
        with pytest.raises(InputError, match="the image backbone cannot be loaded"):
            FilmEncoder.from_weights(tmp_path / folder, width=24)
