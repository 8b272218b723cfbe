"""Stage `classifier`: the judge of mAUC. One worker trains it, however many there are."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cluster.training import worker_device
from cluster.training_data import TrainingData
from cluster.training_run import TrainingRun
from cluster.training_watch import TrainingWatch
from eval.downstream.classifier import ClassifierConfig, fit_classifier, resize_films
from jobs.stages.relay import Relay
from jobs.training_config import Config


def train_classifier(config: Config, data: TrainingData, run: TrainingRun) -> None:
    """Writes `classifier/`."""
    options = config.classifier
    state = run.load()
    epochs = fit_classifier(
        _films_at(ClassifierConfig().size, data.films),
        data.labels,
        epochs=options.epochs,
        seed=config.seed,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        state=state,
        device=str(worker_device()),
    )
    done = int(state["epoch"]) if state else 0
    with (
        Relay(total=options.epochs, unit="epoch", desc="train classifier", initial=done) as bar,
        TrainingWatch(run.folder, done, options.epochs, len(data.films)) as watch,
    ):
        for epoch in epochs:
            run.record(epoch=epoch.epoch, loss=epoch.loss, films_per_second=epoch.films_per_second)
            watch.add(epoch.epoch, epoch.loss, epoch.films_per_second)
            if epoch.epoch < options.epochs:
                run.save(epoch.state)
                bar.saved()
            watch.publish()
            bar.note(f"loss {epoch.loss:.4f}")
            bar.update()
    with tempfile.TemporaryDirectory() as folder:
        epoch.model.save_pretrained(Path(folder, "classifier"))
        run.finish(Path(folder))


def _films_at(size: int, films: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Films (n, size, size): the judge has one size, whatever that of the model's films."""
    if films.shape[-1] == size:
        return films
    parts = torch.split(torch.from_numpy(films), 256)
    return np.concatenate([resize_films(part, size).round().to(torch.uint8).numpy() for part in parts])
