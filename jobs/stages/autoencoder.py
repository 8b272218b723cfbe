"""Stage `autoencoder`: films to latents and back."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from cluster.training import worker_device
from cluster.training_data import TrainingData
from cluster.training_run import TrainingRun
from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.kl_autoencoder import KLAutoencoder
from diffcxr.training.autoencoder import AutoencoderStage, to_unit
from diffcxr.training.loop import TrainingLoop
from jobs.stages.loop import follow, loop_config
from jobs.stages.samples import film_pairs
from jobs.training_config import Config

_LOOKED_AT = 8


def train_autoencoder(config: Config, data: TrainingData, run: TrainingRun) -> None:
    """Writes `autoencoder/`. What is logged of a pretrained one is its mean absolute error in pixels."""
    options = config.autoencoder
    if options.pretrained:
        _adopt(KLAutoencoder.from_weights(Path(options.pretrained)), data, run)
        return
    torch.manual_seed(config.seed)
    autoencoder = FilmAutoencoder(options.latent_channels, options.width, options.depth).to(worker_device())
    stage = AutoencoderStage(autoencoder, data.films)
    loop = TrainingLoop(stage, loop_config(options, config.seed))
    follow(loop, run, config.checkpoint_every, partial(film_pairs, autoencoder, data))
    loop.use_average()
    stage.measure_spread()
    _publish(autoencoder, run)


@torch.no_grad()
def _adopt(autoencoder: KLAutoencoder, data: TrainingData, run: TrainingRun) -> None:
    """What a pretrained autoencoder makes of the first films says whether it suits them."""
    films_B1HW = to_unit(data.films[:_LOOKED_AT])
    decoded = [autoencoder.decode(autoencoder.encode(film[None])) for film in films_B1HW]
    run.record(step=0, loss=F.l1_loss(torch.cat(decoded), films_B1HW).item())
    _publish(autoencoder, run)


def _publish(autoencoder: Any, run: TrainingRun) -> None:
    with tempfile.TemporaryDirectory() as folder:
        autoencoder.half().save_pretrained(Path(folder, "autoencoder"))
        run.finish(Path(folder))
