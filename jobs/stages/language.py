"""Stage `language`: what squeezes a report, learnt by matching reports with their films."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from cluster.training import worker_device
from cluster.training_data import TrainingData
from cluster.training_run import TrainingRun
from diffcxr.language.film_encoder import FilmEncoder, small_backbone
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.language.text_encoder import TextEncoder
from diffcxr.training.language import LanguageStage
from diffcxr.training.loop import TrainingLoop
from jobs.stages.loop import follow, loop_config
from jobs.stages.texts import text_states
from jobs.training_config import Config


def train_language(config: Config, data: TrainingData, run: TrainingRun) -> None:
    """Writes `report_encoder/` and `film_encoder/`."""
    options = config.language
    text_encoder = TextEncoder(options.text_encoder)
    torch.manual_seed(config.seed)  # only now: loading weights may draw numbers
    report_encoder = ReportEncoder(
        text_encoder=options.text_encoder,
        text_width=text_encoder.width,
        squeeze=options.squeeze,
        tokens=options.tokens,
        width=options.width,
        heads=options.heads,
        text_digest=text_encoder.digest,
    )
    if options.film_encoder:
        film_encoder = FilmEncoder.from_weights(Path(options.film_encoder), options.width)
    else:
        film_encoder = FilmEncoder(small_backbone(), options.width)
    texts = text_states(data.texts, text_encoder, "encode reports")
    stage = LanguageStage(report_encoder, film_encoder, data.films, texts, data.labels)
    stage.modules.to(worker_device())
    loop = TrainingLoop(stage, loop_config(options, config.seed))
    follow(loop, run, config.checkpoint_every)
    loop.use_average()
    with tempfile.TemporaryDirectory() as folder:
        report_encoder.half().save_pretrained(Path(folder, "report_encoder"))
        film_encoder.half().save_pretrained(Path(folder, "film_encoder"))
        run.finish(Path(folder))
