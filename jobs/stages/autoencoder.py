"""Stage `autoencoder`: films to latents and back."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import torch

from cluster.training import worker_device
from cluster.training_data import TrainingData
from cluster.training_run import TrainingRun
from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.training.autoencoder import AutoencoderStage
from diffcxr.training.loop import TrainingLoop
from jobs.stages.loop import follow, loop_config
from jobs.stages.samples import film_pairs
from jobs.training_config import Config


def train_autoencoder(config: Config, data: TrainingData, run: TrainingRun) -> None:
    """Writes `autoencoder/`."""
    options = config.autoencoder
    torch.manual_seed(config.seed)
    autoencoder = FilmAutoencoder(options.latent_channels, options.width, options.depth).to(worker_device())
    stage = AutoencoderStage(autoencoder, data.films)
    loop = TrainingLoop(stage, loop_config(options, config.seed))
    follow(loop, run, config.checkpoint_every, partial(film_pairs, autoencoder, data))
    loop.use_average()
    stage.measure_spread()
    with tempfile.TemporaryDirectory() as folder:
        autoencoder.half().save_pretrained(Path(folder, "autoencoder"))
        run.finish(Path(folder))
