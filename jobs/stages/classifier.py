"""Stage `classifier`: the judge of mAUC."""

from __future__ import annotations

import tempfile
from pathlib import Path

from cluster.training_data import TrainingData
from cluster.training_run import TrainingRun
from eval.downstream.classifier import fit_classifier
from jobs.progress import progress
from jobs.training_config import Config


def train_classifier(config: Config, data: TrainingData, run: TrainingRun) -> float:
    """Writes `classifier/`; the last loss."""
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
    )
    done = int(state["epoch"]) if state else 0
    with progress(total=options.epochs, unit="epoch", desc="train classifier", initial=done) as bar:
        for epoch in epochs:
            run.record(epoch=epoch.epoch, loss=epoch.loss, films_per_second=epoch.films_per_second)
            if epoch.epoch < options.epochs:
                run.save(epoch.state)
            bar.note(f"loss {epoch.loss:.4f}")
            bar.update()
    with tempfile.TemporaryDirectory() as folder:
        epoch.model.save_pretrained(Path(folder, "classifier"))
        run.finish(Path(folder))
    return epoch.loss
