"""Several workers of one process group train one set of weights."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from diffcxr.precision import autocast
from diffcxr.training.loop import LoopConfig, Stage, TrainingLoop

CONFIG = LoopConfig(steps=8, batch_size=12, warmup=2, learning_rate=1e-2, gradient_clip=1e9, seed=5)


class ToyStage:
    """A small network learns what a frozen one makes of random numbers."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.teacher = nn.Linear(6, 3).requires_grad_(False)
        layers = (nn.Linear(6, 32), nn.BatchNorm1d(32), nn.GELU(), nn.Linear(32, 32), nn.GELU())
        student = nn.Sequential(*layers, nn.Linear(32, 3))
        self.modules = nn.ModuleDict({"student": student, "idle": nn.Linear(2, 2)})

    def loss(self, step: int, batch_size: int, generator: torch.Generator) -> Tensor:
        x = torch.randn(batch_size, 6, generator=generator)
        error: Tensor = self.modules["student"](x) - self.teacher(x)
        return error.float().square().mean()


def together(work: Callable[[], dict[str, Any]], workers: int, folder: Path) -> list[dict[str, Any]]:
    """What `work` returns in each process of a group."""
    processes = [
        multiprocessing.get_context("fork").Process(target=_join, args=(work, rank, workers, folder))
        for rank in range(workers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(workers)]


def _join(work: Callable[[], dict[str, Any]], rank: int, workers: int, folder: Path) -> None:
    torch.set_num_threads(1)  # OpenMP's other threads do not survive a fork
    dist.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=workers)
    torch.save(work(), folder / f"{rank}.pt")
    dist.destroy_process_group()


def one_step() -> dict[str, Any]:
    loop = TrainingLoop(ToyStage(), CONFIG)
    record = next(loop.run(record_every=1))
    return {"loss": record.loss, "gradients": gradients_of(loop.stage)}


def own_share() -> dict[str, Any]:
    """What a worker's share of the first batch gives by itself, in as many threads as `one_step` has."""
    stage = ToyStage()
    generator = torch.Generator().manual_seed(CONFIG.seed * 1_000_003 * 2 + dist.get_rank())
    with autocast(torch.device("cpu")):
        loss = stage.loss(0, 6, generator)
    loss.backward()  # type: ignore[no-untyped-call]
    return {"loss": loss.item(), "gradients": gradients_of(stage)}


def gradients_of(stage: Stage) -> dict[str, Tensor]:
    return {name: p.grad for name, p in stage.modules.named_parameters() if p.grad is not None}


def undisturbed() -> dict[str, Any]:
    return trained(TrainingLoop(ToyStage(), CONFIG))


def resumed() -> dict[str, Any]:
    killed = TrainingLoop(ToyStage(), CONFIG)
    for record in killed.run(record_every=3):
        if record.step == 3:
            break
    loop = TrainingLoop(ToyStage(), CONFIG)
    loop.load_state_dict(killed.state_dict())
    return trained(loop)


def trained(loop: TrainingLoop) -> dict[str, Any]:
    for _ in loop.run():
        pass
    loop.use_average()
    return {name: p.detach() for name, p in loop.stage.modules.named_parameters()}


def test_workers_step_by_the_mean_gradient_of_their_shares(tmp_path: Path) -> None:
    for name in ("step", "share"):
        (tmp_path / name).mkdir()
    first, second = together(one_step, 2, tmp_path / "step")
    own, other = together(own_share, 2, tmp_path / "share")
    assert own["loss"] != other["loss"], "each draws its own share"
    assert first["loss"] == second["loss"] == pytest.approx((own["loss"] + other["loss"]) / 2, rel=1e-6)
    assert first["gradients"].keys() == own["gradients"].keys()
    for name, gradient in first["gradients"].items():
        assert torch.equal(gradient, (own["gradients"][name] + other["gradients"][name]) / 2), name
        assert torch.equal(gradient, second["gradients"][name]), name


def test_three_workers_that_are_resumed_end_with_the_weights_of_undisturbed_ones(tmp_path: Path) -> None:
    # Of two the sum is the same in either order; of three it is not.
    for name in ("undisturbed", "resumed"):
        (tmp_path / name).mkdir()
    once = together(undisturbed, 3, tmp_path / "undisturbed")
    again = together(resumed, 3, tmp_path / "resumed")
    for there, here in zip(once, again, strict=True):
        assert all(torch.equal(here[name], there[name]) for name in there)
        assert all(torch.equal(once[0][name], there[name]) for name in there)


def test_what_a_stage_does_not_train_is_no_part_of_the_exchange() -> None:
    stage = ToyStage()
    exchanged = {id(p) for p in TrainingLoop(stage, CONFIG)._loss.parameters()}
    assert exchanged == {id(p) for p in stage.modules.parameters()}
