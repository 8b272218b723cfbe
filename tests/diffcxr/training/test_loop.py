from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from diffcxr.errors import InputError, RefusedError
from diffcxr.training.adapter import AdapterMix
from diffcxr.training.autoencoder import AutoencoderStage
from diffcxr.training.denoiser import DenoiserStage
from diffcxr.training.loop import LoopConfig, TrainingLoop
from tests.diffcxr.tiny import tiny_pipeline
from tests.diffcxr.training.stages import adapter_stage, language_stage


def denoiser_loop(steps: int) -> TrainingLoop:
    pipeline = tiny_pipeline()
    random = torch.Generator().manual_seed(3)
    # One latent for all: then the noise can be told from what it was added to.
    latents = torch.randn(4, 4, 4, generator=random).expand(24, -1, -1, -1).half().numpy()
    context = torch.randn(24, 4, 32, generator=random).half().numpy()
    stage = DenoiserStage(pipeline.denoiser, latents, context)
    return TrainingLoop(stage, LoopConfig(steps=steps, batch_size=8, warmup=2, learning_rate=2e-3))


class Dropping:
    """A stage whose module draws from PyTorch's own generator, as image backbones of others do."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.modules = nn.ModuleDict({"backbone": nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5))})

    def loss(self, step: int, batch_size: int, generator: torch.Generator) -> torch.Tensor:
        out: torch.Tensor = self.modules["backbone"](torch.randn(batch_size, 8, generator=generator))
        return out.square().mean()


def dropping_loop(steps: int) -> TrainingLoop:
    return TrainingLoop(Dropping(), LoopConfig(steps=steps, batch_size=8, warmup=2, learning_rate=2e-3))


def language_loop(steps: int) -> TrainingLoop:
    return TrainingLoop(language_stage(), LoopConfig(steps=steps, batch_size=8, warmup=2, learning_rate=2e-3))


def adapter_loop(steps: int) -> TrainingLoop:
    stage = adapter_stage(AdapterMix(), "denoiser")
    return TrainingLoop(stage, LoopConfig(steps=steps, batch_size=8, warmup=2, learning_rate=2e-3))


def weights(loop: TrainingLoop) -> list[torch.Tensor]:
    """All that would be published, running statistics included."""
    loop.use_average()
    return [values.detach().clone() for values in loop.stage.modules.state_dict().values()]


@pytest.mark.parametrize("new_loop", [denoiser_loop, dropping_loop, language_loop, adapter_loop])
def test_a_resumed_run_ends_with_the_weights_of_an_undisturbed_one(
    new_loop: Callable[[int], TrainingLoop],
) -> None:
    undisturbed = new_loop(12)
    for _ in undisturbed.run(record_every=5):
        pass

    killed = new_loop(12)
    for record in killed.run(record_every=5):
        if record.step == 5:
            break
    buffer = io.BytesIO()
    torch.save(killed.state_dict(), buffer)
    buffer.seek(0)

    resumed = new_loop(12)
    resumed.load_state_dict(torch.load(buffer, weights_only=True))
    for _ in resumed.run(record_every=5):
        pass
    for here, there in zip(weights(undisturbed), weights(resumed), strict=True):
        assert torch.equal(here, there)


def test_a_training_is_refused_where_arithmetic_is_another() -> None:
    loop = denoiser_loop(steps=4)
    state = loop.state_dict()
    loop.load_state_dict(state)
    with pytest.raises(RefusedError, match="begun in float8, and processors here compute in"):
        loop.load_state_dict(state | {"precision": "float8"})


class Cusp:
    """A stage whose loss is 0 and whose gradient is no number."""

    def __init__(self) -> None:
        self.modules = torch.nn.ModuleDict({"one": torch.nn.Linear(2, 1)})

    def loss(self, step: int, batch_size: int, generator: torch.Generator) -> torch.Tensor:
        weight = self.modules["one"].weight
        return (weight - weight.detach()).abs().sqrt().sum()


def test_a_training_ends_where_loss_or_gradient_is_not_finite() -> None:
    loop = denoiser_loop(steps=6)
    records = loop.run(record_every=3)
    next(records)
    loop.parameters[0].data.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite: step 6"):
        next(records)
    with pytest.raises(InputError, match="not finite: step 1 or"):
        next(TrainingLoop(Cusp(), LoopConfig(steps=1, batch_size=1)).run())


def test_the_denoisers_loss_falls() -> None:
    losses = [record.loss for record in denoiser_loop(steps=300).run(record_every=30)]
    assert losses[-1] < 0.8 * losses[0]


def test_the_autoencoder_learns_to_reconstruct() -> None:
    pipeline = tiny_pipeline()
    ramp = np.linspace(0, 255, 32)[None, :, None] * np.linspace(0.3, 1, 20)[:, None, None]
    films = np.broadcast_to(ramp, (20, 32, 32)).astype(np.uint8)
    stage = AutoencoderStage(pipeline.autoencoder, films)
    loop = TrainingLoop(stage, LoopConfig(steps=120, batch_size=8, warmup=5, learning_rate=3e-3))
    losses = [record.loss for record in loop.run(record_every=30)]
    assert losses[-1] < 0.5 * losses[0]


def test_the_average_lags_behind_the_weights() -> None:
    loop = denoiser_loop(steps=6)
    for _ in loop.run():
        pass
    trained = [p.detach().clone() for p in loop.parameters]
    assert any(not torch.equal(here, there) for here, there in zip(trained, weights(loop), strict=True))


def test_looking_at_the_average_on_the_way_changes_no_weight() -> None:
    undisturbed, watched = denoiser_loop(steps=6), denoiser_loop(steps=6)
    for _ in undisturbed.run():
        pass
    for _ in watched.run(record_every=2):
        trained = [p.detach().clone() for p in watched.parameters]
        with watched.averaged():
            assert not watched.stage.modules["denoiser"].training
            seen = [p.detach().clone() for p in watched.parameters]
        assert watched.stage.modules["denoiser"].training
        assert any(not torch.equal(here, there) for here, there in zip(trained, seen, strict=True))
    for here, there in zip(weights(undisturbed), weights(watched), strict=True):
        assert torch.equal(here, there)


def test_the_learning_rate_warms_up_and_ends_where_it_is_told() -> None:
    config = LoopConfig(steps=100, learning_rate=1e-2, warmup=10)
    rates = {}
    for final in (None, 1e-3, 1e-2):
        loop = denoiser_loop(steps=100)
        loop.config = replace(config, final_learning_rate=final)
        rates[final] = [loop._learning_rate(step) for step in range(101)]
        assert rates[final][:10] == [1e-2 * (step + 1) / 10 for step in range(10)]
        assert rates[final][100] == pytest.approx(final or 1e-4)
    assert rates[1e-2][10:] == pytest.approx([1e-2] * 91)
    assert rates[1e-3][55] == pytest.approx((1e-2 + 1e-3) / 2)


def test_micro_batches_add_up_to_the_gradient_of_their_mean_loss() -> None:
    class Quadratic:
        """Losses of its batches follow one another, whatever their number."""

        def __init__(self) -> None:
            self.weight = torch.nn.Parameter(torch.ones(3))
            self.modules = torch.nn.ModuleDict({"all": torch.nn.ParameterList([self.weight])})
            self.sizes: list[int] = []

        def loss(self, step: int, batch_size: int, generator: torch.Generator) -> torch.Tensor:
            self.sizes.append(batch_size)
            return (self.weight * torch.rand(batch_size, 3, generator=generator)).square().mean()

    weights, losses = [], []
    for micro_batch in (None, 2):
        stage = Quadratic()
        loop = TrainingLoop(stage, LoopConfig(steps=4, batch_size=8, micro_batch=micro_batch, warmup=0))
        losses += [record.loss for record in loop.run(record_every=2)]
        weights.append(stage.weight.detach().clone())
        assert stage.sizes == [8] * 4 if micro_batch is None else [2] * 16
    torch.testing.assert_close(weights[0], weights[1])
    assert losses[:2] == pytest.approx(losses[2:], rel=1e-5)
