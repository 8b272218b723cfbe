from __future__ import annotations

import io

import numpy as np
import torch

from diffcxr.training.autoencoder import AutoencoderStage
from diffcxr.training.denoiser import DenoiserStage
from diffcxr.training.loop import LoopConfig, TrainingLoop
from tests.diffcxr.tiny import tiny_pipeline


def denoiser_loop(steps: int) -> TrainingLoop:
    pipeline = tiny_pipeline()
    random = torch.Generator().manual_seed(3)
    # One latent for all: then the noise can be told from what it was added to.
    latents = torch.randn(4, 4, 4, generator=random).expand(24, -1, -1, -1).half().numpy()
    context = torch.randn(24, 4, 32, generator=random).half().numpy()
    stage = DenoiserStage(pipeline.denoiser, latents, context)
    return TrainingLoop(stage, LoopConfig(steps=steps, batch_size=8, warmup=2, learning_rate=2e-3))


def weights(loop: TrainingLoop) -> list[torch.Tensor]:
    loop.use_average()
    return [p.detach().clone() for p in loop.parameters]


def test_a_resumed_run_ends_with_the_weights_of_an_undisturbed_one() -> None:
    undisturbed = denoiser_loop(steps=12)
    for _ in undisturbed.run(record_every=5):
        pass

    killed = denoiser_loop(steps=12)
    for record in killed.run(record_every=5):
        if record.step == 5:
            break
    buffer = io.BytesIO()
    torch.save(killed.state_dict(), buffer)
    buffer.seek(0)

    resumed = denoiser_loop(steps=12)
    resumed.load_state_dict(torch.load(buffer, weights_only=True))
    for _ in resumed.run(record_every=5):
        pass
    for here, there in zip(weights(undisturbed), weights(resumed), strict=True):
        assert torch.equal(here, there)


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
