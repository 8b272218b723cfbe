from __future__ import annotations

import pytest
import torch

from diffcxr.denoiser.uvit import UViT

SHAPE = {"latent_channels": 3, "latent_size": 8, "patch_size": 2, "width": 32, "depth": 4, "heads": 4}
SHAPE |= {"context_tokens": 5, "context_width": 16}


def small(**changed: int) -> UViT:
    torch.manual_seed(0)
    return UViT(**SHAPE | changed)


def test_prediction_has_the_latents_shape() -> None:
    made = small()(torch.randn(2, 3, 8, 8), torch.tensor([0, 999]), torch.randn(2, 5, 16))
    assert made.shape == (2, 3, 8, 8)


def test_patches_return_to_their_place() -> None:
    model = small()
    model.smooth_out = torch.nn.Identity()  # type: ignore[assignment]
    model.norm = torch.nn.Identity()  # type: ignore[assignment]
    model.patch_out = torch.nn.Identity()  # type: ignore[assignment]
    latents = torch.arange(3 * 64.0).reshape(1, 3, 8, 8)
    # A patch as the output Linear would write it: y, x, channel.
    patches = latents.unfold(2, 2, 2).unfold(3, 2, 2).permute(0, 2, 3, 4, 5, 1).reshape(1, 16, 12)
    torch.testing.assert_close(model.latents(patches, height=8), latents)


def test_time_and_context_reach_the_prediction() -> None:
    model, latents, context = small(), torch.randn(1, 3, 8, 8), torch.randn(1, 5, 16)
    early = model(latents, torch.tensor([10]), context)
    assert not torch.allclose(early, model(latents, torch.tensor([900]), context), atol=1e-5)
    assert not torch.allclose(early, model(latents, torch.tensor([10]), context + 1), atol=1e-5)


def test_every_parameter_learns() -> None:
    model = small()
    # null_context enters where a report is dropped, which is the training stage's doing.
    model(
        torch.randn(2, 3, 8, 8), torch.tensor([1, 2]), model.null_context.expand(2, -1, -1)
    ).square().mean().backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


def test_an_odd_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="depth must be even"):
        small(depth=3)
