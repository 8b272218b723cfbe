"""Stage `classifier`: the judge of mAUC. One worker trains it, however many there are."""

from __future__ import annotations

import tempfile
from pathlib import Path

from cluster.training import worker_device
from cluster.training_data import TrainingData
from cluster.training_run import TrainingRun
from cluster.training_watch import TrainingWatch
from eval.downstream.classifier import fit_classifier
from jobs.stages.relay import Relay
from jobs.training_config import Config


def train_classifier(config: Config, data: TrainingData, run: TrainingRun) -> None:
    """Writes `classifier/`."""
    options = config.classifier
    state = run.load()
    epochs = fit_classifier(
        data.films,
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
            watch.publish()
            bar.note(f"loss {epoch.loss:.4f}")
            bar.update()
    with tempfile.TemporaryDirectory() as folder:
        epoch.model.save_pretrained(Path(folder, "classifier"))
        run.finish(Path(folder))
