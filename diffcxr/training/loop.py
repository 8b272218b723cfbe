"""The training loop that every stage shares: exact to resume, because a step depends on its number alone.

In a process group of torch (`torch.distributed`) its workers train one set of weights together. Then a step
depends on its number and on how many they are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from diffcxr.errors import InputError, RefusedError
from diffcxr.precision import autocast, precision


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How long and how fast."""

    steps: int = 10_000
    batch_size: int = 32  # of all workers together
    learning_rate: float = 8e-4
    final_learning_rate: float | None = None  # None: a hundredth of the peak
    warmup: int = 500  # steps of linear warm-up; then half a cosine down to the final learning rate
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    ema: float = 0.999
    seed: int = 0
    micro_batch: int | None = None  # samples at a time where a worker's share exceeds its memory; divides it


class Stage(Protocol):
    """What a stage brings to the loop."""

    modules: nn.ModuleDict
    """All that is trained."""

    def loss(self, step: int, batch_size: int, generator: torch.Generator) -> Tensor:
        """The loss of one step's batch; everything random comes from `generator`."""
        ...


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step as it was: mean loss since the last record, and samples a second."""

    step: int
    loss: float
    samples_per_second: float


class TrainingLoop:
    """AdamW with warm-up and cosine, autocast, clipping and an exponential moving average."""

    def __init__(self, stage: Stage, config: LoopConfig) -> None:
        self.stage, self.config = stage, config
        self.rank, self.workers = (
            (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        )
        self.share = config.batch_size // self.workers
        self.step = 0
        self.parameters = [p for p in stage.modules.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            lr=config.learning_rate,
            betas=config.betas,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self._ema = [p.detach().clone() for p in self.parameters]
        self._loss: nn.Module = _StageLoss(stage)
        if self.workers > 1:
            # Without find_unused_parameters its buckets are laid out anew after the first step of a process,
            # and three workers or more add up in another order then: a resumed run would drift by last bits.
            # Buffers are running statistics, which no step reads; what is kept are the first worker's.
            self._loss = DistributedDataParallel(
                self._loss, find_unused_parameters=True, broadcast_buffers=False
            )

    def run(self, record_every: int = 50) -> Iterator[StepRecord]:
        """Trains to the last step, with a record each `record_every` steps and at the end.

        Raises InputError, in place of the record, where a loss or gradient since the last one is not finite.
        """
        device = self.parameters[0].device
        parts = self.share // (self.config.micro_batch or self.share)
        losses: list[Tensor] = []  # of each part, its share of a step's
        norms: list[Tensor] = []  # of each step's gradient
        since = time.perf_counter()
        self.stage.modules.train()
        while self.step < self.config.steps:
            generator = torch.Generator().manual_seed(self._seed(self.step))
            torch.manual_seed(self._seed(self.step))  # for backbones of others: stochastic depth, dropout
            for group in self.optimizer.param_groups:
                group["lr"] = self._learning_rate(self.step)
            self.optimizer.zero_grad(set_to_none=True)
            for _ in range(parts):
                with autocast(device):
                    loss = self._loss(self.step, self.share // parts, generator) / parts
                loss.backward()
                losses.append(loss.detach())
            norms.append(nn.utils.clip_grad_norm_(self.parameters, self.config.gradient_clip))
            self.optimizer.step()
            self.step += 1
            decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
            torch._foreach_lerp_(self._ema, [p.detach() for p in self.parameters], 1 - decay)
            if self.step % record_every == 0 or self.step == self.config.steps:
                mean = self._mean(torch.stack(losses)) * parts  # waits for the device, so before the clock
                if not (math.isfinite(mean) and torch.stack(norms).isfinite().all()):
                    what, where = "the loss or its gradient is not finite", f"step {self.step} or just before"
                    raise InputError(what, where, "Choose a smaller learning rate, and a new output.")
                rate = len(norms) * self.config.batch_size / (time.perf_counter() - since)
                yield StepRecord(self.step, mean, rate)
                losses, norms, since = [], [], time.perf_counter()

    def use_average(self) -> None:
        """Put the moving average in the modules' place: the weights to keep."""
        for parameter, average in zip(self.parameters, self._ema, strict=True):
            parameter.data.copy_(average)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The moving average in the modules' place, to look at what they can do; then all is as it was."""
        trained = [p.detach().clone() for p in self.parameters]
        self.use_average()
        self.stage.modules.eval()
        try:
            yield
        finally:
            self.stage.modules.train()
            for parameter, own in zip(self.parameters, trained, strict=True):
                parameter.data.copy_(own)

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs, as tensors and plain values."""
        return {
            "step": self.step,
            "modules": self.stage.modules.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "ema": self._ema,
            "precision": self._precision,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`. Raises RefusedError where that was trained in another precision."""
        begun_in = state.get("precision", self._precision)
        if begun_in != self._precision:
            what = f"the training was begun in {begun_in}, and processors here compute in {self._precision}"
            raise RefusedError(what, fix="Go on on processors of the former kind, or choose a new output.")
        self.step = int(state["step"])
        self.stage.modules.load_state_dict(state["modules"])
        self.optimizer.load_state_dict(state["optimizer"])
        for average, saved in zip(self._ema, state["ema"], strict=True):
            average.copy_(saved)

    @property
    def _precision(self) -> str:
        return precision(self.parameters[0].device.type)

    def _seed(self, step: int) -> int:
        """Of this worker's share of a step. A generator on the CPU reads no more than its lowest 32 bits."""
        return (self.config.seed * 1_000_003 + step) * self.workers + self.rank

    def _mean(self, losses: Tensor) -> float:
        """Over the steps, and over all workers."""
        mean = losses.mean()
        if self.workers > 1:
            dist.all_reduce(mean)
        return float(mean) / self.workers

    def _learning_rate(self, step: int) -> float:
        if step < self.config.warmup:
            return self.config.learning_rate * (step + 1) / self.config.warmup
        done = (step - self.config.warmup) / max(1, self.config.steps - self.config.warmup)
        peak, final = self.config.learning_rate, self.config.final_learning_rate
        end = peak / 100 if final is None else final
        return end + (peak - end) * 0.5 * (1 + math.cos(math.pi * done))


class _StageLoss(nn.Module):
    """A stage's loss as the forward pass of what it trains: frozen modules are no part of it."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.trained = stage.modules
        self._loss = stage.loss

    def forward(self, step: int, batch_size: int, generator: torch.Generator) -> Tensor:
        return self._loss(step, batch_size, generator)
