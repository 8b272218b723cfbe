"""A training loop followed to its end: progress, log and checkpoints."""

from __future__ import annotations

import time
from typing import Protocol

from cluster.training_run import TrainingRun
from diffcxr.training.loop import LoopConfig, TrainingLoop
from jobs.progress import progress


class LoopOptions(Protocol):
    """What a stage's options say of its loop."""

    steps: int
    batch_size: int
    learning_rate: float


def loop_config(options: LoopOptions, seed: int) -> LoopConfig:
    """How a stage's loop runs."""
    return LoopConfig(
        steps=options.steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        warmup=min(500, options.steps // 10),
        seed=seed,
    )


def follow(loop: TrainingLoop, run: TrainingRun, checkpoint_every: float) -> float:
    """Run a loop to its end from its last checkpoint; the last loss."""
    state = run.load()
    if state:
        loop.load_state_dict(state)
    saved = time.monotonic()
    with progress(total=loop.config.steps, unit="step", desc=f"train {run.stage}", initial=loop.step) as bar:
        done = loop.step
        for step in loop.run():
            run.record(step=step.step, loss=step.loss, samples_per_second=step.samples_per_second)
            bar.note(f"loss {step.loss:.4f}")
            bar.update(step.step - done)
            done = step.step
            if time.monotonic() - saved > checkpoint_every or step.step == loop.config.steps:
                run.save(loop.state_dict())
                saved = time.monotonic()
    return run.last_loss
