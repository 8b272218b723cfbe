from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from diffcxr.denoiser.control import ControlAdapter
from diffcxr.training.adapter import AdapterMix
from diffcxr.training.diffusion import Teacher
from diffcxr.training.loop import LoopConfig, TrainingLoop
from tests.diffcxr.training.stages import adapter_stage


def test_shares_of_the_mix_are_what_samples_get() -> None:
    cases = adapter_stage(AdapterMix(), "denoiser")._cases(20_000, torch.Generator().manual_seed(0))
    shares = [float(case.float().mean()) for case in cases]
    assert shares == pytest.approx([0.05, 0.05, 0.1, 0.15, 0.45], abs=0.01)
    assert torch.stack(cases).sum(0).max() == 1


def test_a_hint_decides_what_the_report_does_not_say() -> None:
    stage = adapter_stage(AdapterMix(no_hint=0.0, no_report=0.3, contrary_report=0.3, contrary_hint=0.0))
    before = [weight.clone() for weight in stage.denoiser.state_dict().values()]
    loop = TrainingLoop(stage, LoopConfig(steps=200, batch_size=16, warmup=5, learning_rate=1e-2, ema=0.9))
    for _ in loop.run():
        pass
    after = stage.denoiser.state_dict().values()
    assert all(torch.equal(here, there) for here, there in zip(before, after, strict=True))

    stage.modules.eval()
    noise, time = torch.randn(2, 4, 4, 4), torch.tensor([999, 999])
    context = torch.from_numpy(stage.data.context[:1]).float().expand(2, -1, -1)
    hints = torch.from_numpy(stage.data.hints).float()
    with torch.no_grad():
        control = stage.adapter(noise, time, context, hints)
        velocity = stage.denoiser(noise, time, context, control)
    films = torch.from_numpy(np.stack([stage.data.latents[0], stage.data.latents[1]])).float()
    # At full noise the velocity is minus the film.
    errors = ((-velocity[:, None] - films[None]) ** 2).mean(dim=(2, 3, 4))
    assert errors.argmin(dim=0).tolist() == [0, 1]


def test_a_film_cannot_teach_what_it_does_not_show() -> None:
    with pytest.raises(ValueError, match="contrary hint"):
        adapter_stage(AdapterMix(), "film")


@pytest.mark.parametrize("case", ["contrary_report", "contrary_hint"])
def test_taught_by_the_denoiser_a_hint_does_what_the_words_of_a_report_would(case: str) -> None:
    """Of films whose noise nothing foretells it is learnt all the same, and overdrawn."""
    none = {"nothing": 0.1, "no_hint": 0.1, "no_report": 0.0, "contrary_report": 0.0, "contrary_hint": 0.0}
    stage = adapter_stage(AdapterMix(**(none | {case: 0.8})), "denoiser")
    denoiser, context = stage.denoiser, torch.from_numpy(stage.data.context).float()
    for parameter in denoiser.parameters():  # untrained it hears of no report
        torch.nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(5))
    stage.adapter.load_state_dict(ControlAdapter.attach(denoiser).state_dict())
    stage.data.context[:] = context[:2].half().repeat(12, 1, 1).numpy()  # a report a kind
    stage.data.contrary[:] = np.roll(stage.data.context, 1, axis=0)
    noise = torch.randn(2, 4, 4, 4, generator=torch.Generator().manual_seed(6))
    time = torch.tensor([999, 999])
    own, contrary = (torch.from_numpy(part[:2]).float() for part in (stage.data.context, stage.data.contrary))
    hints = torch.from_numpy(stage.data.hints).float()

    def predict(context: Tensor, hints: Tensor | None = None) -> Tensor:
        with torch.no_grad():
            control = None if hints is None else stage.adapter(noise, time, context, hints)
            return cast(Tensor, denoiser(noise, time, context, control))

    change = predict(own) - predict(contrary)
    aim = predict(own) + 0.5 * change
    for _ in TrainingLoop(stage, LoopConfig(steps=200, batch_size=16, warmup=5, learning_rate=3e-3)).run():
        pass
    stage.modules.eval()
    # Beside a report of the other kind, the hint of this one.
    error = (predict(contrary, hints) - aim).square().mean()
    assert error < (1.5 * change).square().mean() / 4
    assert error < (predict(contrary, hints) - predict(own)).square().mean()


def test_an_error_weighs_more_where_a_report_changes_little(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = adapter_stage(AdapterMix(), "denoiser")
    for parameter in stage.denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=torch.Generator().manual_seed(5))
    size = torch.linspace(0, 3, 24)[:, None, None]  # how unlike the two reports of a film are
    stage.data.contrary[:] = (torch.from_numpy(stage.data.context) * (1 + size)).half().numpy()
    teachers: list[Teacher] = []

    def keep(predict: object, clean: Tensor, *others: object) -> Tensor:
        teachers.append(cast(Teacher, others[-1]))
        return clean.mean()

    monkeypatch.setattr("diffcxr.training.adapter.diffusion_loss", keep)
    stage.loss(1, 24, torch.Generator().manual_seed(0))
    with torch.no_grad():
        _, weights = teachers[0](torch.randn(24, 4, 4, 4), torch.full((24,), 500))
    assert weights.max() == 1, "where nothing is to change"
    assert 0 < weights.min() < 0.5
