from __future__ import annotations

import numpy as np
import pytest
import torch

from diffcxr.language.film_encoder import FilmEncoder, small_backbone, with_places
from diffcxr.training.language import info_nce, masked_bce, shift_films
from diffcxr.training.loop import LoopConfig, TrainingLoop
from tests.diffcxr.training.stages import language_stage


def test_info_nce_is_the_mean_of_both_directions() -> None:
    film, report = torch.randn(5, 8), torch.randn(5, 8)
    unit = [x / x.norm(dim=1, keepdim=True) for x in (film, report)]
    cosines = 3.0 * unit[0] @ unit[1].T
    rows = -torch.log_softmax(cosines, dim=1).diagonal().mean()
    columns = -torch.log_softmax(cosines, dim=0).diagonal().mean()
    torch.testing.assert_close(info_nce(film, report, 3.0), (rows + columns) / 2)


def test_info_nce_is_exact_where_all_else_is_rounded() -> None:
    film, report = torch.randn(5, 8), torch.randn(5, 8)
    exact = info_nce(film, report, 14.0)
    with torch.autocast("cpu", torch.bfloat16):
        assert info_nce(film, report, 14.0) == exact


def test_uncertain_findings_do_not_count() -> None:
    logits = torch.tensor([[0.0, 5.0], [0.0, -7.0]])
    labels = torch.tensor([[1, -1], [0, -1]])
    torch.testing.assert_close(masked_bce(logits, labels), torch.tensor(2.0).log())


def test_a_shift_moves_a_film_and_mirrors_nothing() -> None:
    film = torch.zeros(1, 1, 16, 16)
    film[0, 0, 8, 8] = 1
    random = torch.Generator().manual_seed(0)
    places = {tuple(shift_films(film, 2, random)[0, 0].nonzero()[0].tolist()) for _ in range(200)}
    assert places == {(y, x) for y in range(6, 11) for x in range(6, 11)}


def test_places_are_given_to_maps_and_not_to_tokens() -> None:
    placed = with_places(torch.zeros(2, 3, 2, 2))
    assert placed.shape == (2, 4, 5)
    assert placed[0, :, 3:].tolist() == [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    assert with_places(torch.ones(2, 7, 3))[..., 3:].abs().sum() == 0


def test_any_vision_backbone_of_transformers_encodes_films() -> None:
    vit = {"model_type": "vit", "image_size": 32, "patch_size": 8, "hidden_size": 16, "intermediate_size": 32,
           "num_hidden_layers": 1, "num_attention_heads": 2}  # fmt: skip
    for backbone in (vit, small_backbone()):
        assert FilmEncoder(backbone, width=24)(torch.rand(2, 1, 32, 32)).shape == (2, 24)


@pytest.mark.parametrize("squeeze", ["attention", "conv"])
def test_reports_find_their_films_after_training(squeeze: str) -> None:
    stage = language_stage(squeeze)
    loop = TrainingLoop(stage, LoopConfig(steps=60, batch_size=16, warmup=5, learning_rate=2e-3, ema=0.5))
    for _ in loop.run():
        pass
    loop.use_average()
    stage.modules.eval()
    with torch.no_grad():
        film = stage.film_encoder(torch.from_numpy(stage.films)[:, None].float() / 255)
        report = stage.report_encoder(*stage.texts.batch(np.arange(8))).whole
    found = (torch.nn.functional.normalize(film) @ torch.nn.functional.normalize(report).T).argmax(dim=1)
    assert (found == torch.arange(8)).sum() >= 7
