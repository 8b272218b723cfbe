from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from diffcxr.denoiser.control import ControlAdapter
from diffcxr.denoiser.uvit import UViT
from diffcxr.training.loop import LoopConfig, TrainingLoop
from tests.diffcxr.denoiser.test_uvit import SHAPE, small


class ControlStage:
    """Makes the steered denoiser predict nothing: enough to move every weight that can move."""

    def __init__(self, denoiser: UViT, adapter: ControlAdapter) -> None:
        self.denoiser, self.adapter = denoiser, adapter
        self.modules = nn.ModuleDict({"adapter": adapter})

    def loss(self, step: int, batch_size: int, generator: torch.Generator) -> Tensor:
        return steered(self.denoiser, self.adapter, *inputs(batch_size, generator)).square().mean()


def inputs(batch: int, generator: torch.Generator | None = None) -> tuple[Tensor, ...]:
    """Latents, times, context and hint for `small()`."""
    latents = torch.randn(batch, 3, 8, 8, generator=generator)
    times = torch.randint(1000, (batch,), generator=generator)
    context, hint = (torch.randn(batch, 5, 16, generator=generator) for _ in range(2))
    return latents, times, context, hint


def steered(denoiser: UViT, adapter: ControlAdapter, *given: Tensor) -> Tensor:
    latents, times, context, hint = given
    made: Tensor = denoiser(latents, times, context, adapter(latents, times, context, hint))
    return made


def trained(steps: int = 6) -> tuple[UViT, ControlAdapter]:
    denoiser = small()
    adapter = ControlAdapter.attach(denoiser)
    config = LoopConfig(steps=steps, batch_size=4, warmup=1, learning_rate=1e-2)
    for _ in TrainingLoop(ControlStage(denoiser, adapter), config).run():
        pass
    return denoiser, adapter


def test_a_new_adapter_changes_no_bit() -> None:
    denoiser = small()
    adapter = ControlAdapter.attach(denoiser)
    given = inputs(3)
    plain, controlled = denoiser(*given[:3]), steered(denoiser, adapter, *given)
    assert plain.detach().numpy().tobytes() == controlled.detach().numpy().tobytes()


def test_no_initialisation_fills_the_zero_layers() -> None:
    def initialise(module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Conv2d | nn.LayerNorm):
            nn.init.normal_(module.weight)

    denoiser = small()
    adapter = ControlAdapter.attach(denoiser)
    adapter.apply(initialise)
    given = inputs(2)
    assert torch.equal(denoiser(*given[:3]), steered(denoiser, adapter, *given))


def test_the_copy_starts_from_the_denoisers_own_weights() -> None:
    denoiser = small()
    for parameter in denoiser.parameters():  # nothing that an initialisation would make
        nn.init.normal_(parameter)
    adapter = ControlAdapter.attach(denoiser)
    theirs = denoiser.state_dict()
    for name, weight in adapter.encoder.state_dict().items():
        assert torch.equal(weight, theirs[name]) and weight.data_ptr() != theirs[name].data_ptr(), name
    left_out = {name.split(".")[0] for name in theirs.keys() - adapter.encoder.state_dict().keys()}
    assert left_out == {"out_blocks", "norm", "patch_out", "smooth_out", "null_context"}


def test_training_moves_the_whole_adapter_and_nothing_of_the_denoiser() -> None:
    denoiser, adapter = trained()
    before = small()
    theirs, ours = before.state_dict(), ControlAdapter.attach(before).state_dict()
    assert all(torch.equal(weight, theirs[name]) for name, weight in denoiser.state_dict().items())
    assert all(p.grad is None for p in denoiser.parameters())
    assert [name for name, weight in adapter.state_dict().items() if torch.equal(weight, ours[name])] == []


def test_another_hint_gives_another_prediction_once_trained() -> None:
    denoiser, adapter = trained()
    latents, times, context, hint = inputs(2)
    here = steered(denoiser, adapter, latents, times, context, hint)
    assert not torch.allclose(here, denoiser(latents, times, context), atol=1e-3)
    there = steered(denoiser, adapter, latents, times, context, hint.flip(1))
    assert not torch.allclose(here, there, atol=1e-5)


def test_the_hint_joins_the_context_tokens_alone() -> None:
    adapter = ControlAdapter.attach(small())
    nn.init.normal_(adapter.hint_in.weight)
    seen: list[Tensor] = []
    adapter.encoder.in_blocks[0].register_forward_pre_hook(lambda block, given: seen.append(given[0]))
    latents, times, context, hint = inputs(1)
    adapter(latents, times, context, torch.zeros_like(hint))
    adapter(latents, times, context, hint)
    differs = (seen[0] != seen[1]).any(dim=-1)[0]
    assert differs.tolist() == [False] + [True] * 5 + [False] * 16


def test_a_saved_and_loaded_pair_steers_alike(tmp_path: Path) -> None:
    pair = trained()
    for part, folder in zip(pair, ("denoiser", "adapter"), strict=True):
        part.save_pretrained(tmp_path / folder)
    denoiser = UViT.from_pretrained(tmp_path / "denoiser")
    adapter = ControlAdapter.from_pretrained(tmp_path / "adapter")
    given = inputs(2)
    assert torch.equal(steered(*pair, *given), steered(denoiser, adapter, *given))


def test_an_adapter_of_a_loaded_denoiser_names_no_folder(tmp_path: Path) -> None:
    small().save_pretrained(tmp_path / "denoiser")
    adapter = ControlAdapter.attach(UViT.from_pretrained(tmp_path / "denoiser"))
    assert adapter.config["denoiser"] == SHAPE
