"""Noise belongs to the sample."""

import torch

from diffcxr.null_pipeline import NullPipeline
from diffcxr.seeds import generator, sample_seed


def test_a_seed_is_the_same_on_every_machine_for_ever() -> None:
    assert sample_seed(0, "report", 0) == 8915528582634509379
    assert 0 <= sample_seed(2**63, "é", 2**31) < 2**63


def test_each_sample_has_its_own_seed() -> None:
    keys = [(run, report, index) for run in range(5) for report in ("1", "11", "a/1") for index in range(20)]
    assert len({sample_seed(*key) for key in keys}) == len(keys)


def test_a_generator_draws_its_seed_alone() -> None:
    assert torch.equal(torch.rand(9, generator=generator(5)), torch.rand(9, generator=generator(5)))
    assert generator(5).device.type == "cpu"


def test_null_images_belong_to_their_seeds() -> None:
    pipe = NullPipeline()
    both = pipe(["a", "b"], generator=[generator(1), generator(2)]).images
    alone = pipe(["another prompt"], generator=[generator(2)]).images
    assert both.shape == (2, 128, 128)
    assert both.min() >= 0
    assert both.max() <= 1
    assert (both[1] == alone[0]).all()
    assert (both[0] != both[1]).any()
