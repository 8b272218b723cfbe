"""The plan of a run: as many films in a shard as it is sure to hold."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cluster.codec import ImageFormat, encode_image
from cluster.generation import IMAGES_PER_SHARD, Choices, largest_film, resolve_plan, resolve_sampler
from cluster.selection import select_all
from tests.generated_run import CHOICES
from tests.reports_corpus import reports_corpus


@pytest.mark.parametrize("image_format", ["png", "jpeg"])
@pytest.mark.parametrize("shape", [(32, 32), (130, 67), (128, 128, 1), (256, 256), (256, 256, 3)])
def test_no_film_is_larger_than_the_planner_takes_it_to_be(
    shape: tuple[int, ...], image_format: ImageFormat
) -> None:
    rng = np.random.default_rng(0)
    for film in (rng.random(shape), rng.random(shape).round(), 0.5 + 0.1 * rng.standard_normal(shape)):
        assert len(encode_image(film, image_format, "a note" * 50)) <= largest_film(shape, image_format)


def test_a_large_grey_jpeg_makes_shards_smaller_and_a_small_one_leaves_the_plan_as_it_was(
    tmp_path: Path,
) -> None:
    choices = Choices(**CHOICES | {"image_format": "jpeg", "images_per_shard": IMAGES_PER_SHARD})
    selected = select_all(reports_corpus(tmp_path), None)

    def images(*shape: int) -> int:
        return resolve_plan(choices, selected, 64, shape).images_per_shard

    assert images(128, 128) == images(400, 400) == images(400, 400, 3) == IMAGES_PER_SHARD
    assert 700 < images(512, 512) == images(512, 512, 1) < 256 * 2**20 / (1.25 * 512 * 512)


@pytest.mark.parametrize(("capable", "dtype"), [(True, "bfloat16"), (False, "float32")])
def test_the_embedded_model_computes_in_what_the_cpu_is_fast_at(
    capable: bool, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": capable})
    choices = Choices(**CHOICES | {"model": "mini", "dtype": "auto"})
    assert resolve_sampler(choices, "mini's", "cpu", is_diffcxr=True, there=None).dtype == dtype
    assert resolve_sampler(choices, "another's", "cpu", is_diffcxr=False, there=None).dtype == "float32"
