"""A training loop followed to its end: log, checkpoints, and what a person can see meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from cluster.training import from_first_worker, is_first_worker
from cluster.training_run import TrainingRun
from cluster.training_watch import TrainingWatch
from diffcxr.training.loop import LoopConfig, TrainingLoop
from jobs.stages.relay import Relay
from jobs.training_config import DiffusionOptions, LoopOptions


def loop_config(options: LoopOptions, seed: int) -> LoopConfig:
    """How a stage's loop runs."""
    return LoopConfig(
        steps=options.steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        final_learning_rate=options.final_learning_rate,
        warmup=min(options.warmup, options.steps // 10),
        betas=(options.betas[0], options.betas[1]),
        weight_decay=options.weight_decay,
        ema=options.ema,
        seed=seed,
        micro_batch=options.micro_batch if isinstance(options, DiffusionOptions) else None,
    )


def follow(
    loop: TrainingLoop,
    run: TrainingRun,
    checkpoint_every: float,
    draw: Callable[[], bytes] | None = None,
) -> None:
    """Run a loop to its end from its last checkpoint.

    `draw` makes a contact sheet (PNG) of what the stage can do; it is called with the moving average in the
    modules' place.
    """
    state = from_first_worker(run.load)  # each for itself might find another one, of another driver's
    if state:
        loop.load_state_dict(state)
    saved, total, desc = time.monotonic(), loop.config.steps, f"train {run.stage}"
    with (
        Relay(total=total, unit="step", desc=desc, initial=loop.step, heard=is_first_worker()) as bar,
        TrainingWatch(run.folder, loop.step, total, loop.config.batch_size) as watch,
    ):
        done = loop.step
        for step in loop.run():
            run.record(step=step.step, loss=step.loss, samples_per_second=step.samples_per_second)
            watch.add(step.step, step.loss, step.samples_per_second)
            bar.note(f"loss {step.loss:.4f}")
            bar.update(step.step - done)
            done = step.step
            if time.monotonic() - saved > checkpoint_every or step.step == total:
                run.save(loop.state_dict())
                bar.saved()
                if is_first_worker():
                    watch.publish()
                    if draw:
                        watch.show(step.step, partial(_draw_averaged, loop, draw))
                saved = time.monotonic()


def _draw_averaged(loop: TrainingLoop, draw: Callable[[], bytes]) -> bytes:
    with loop.averaged():
        return draw()
