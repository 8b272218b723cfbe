"""The stages of a training run, one after another, as each of its workers goes through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from cluster.corpus import Corpus
from cluster.removed_films import Removed
from cluster.storage import Storage
from cluster.training import is_first_worker, meet_workers, tell
from cluster.training_data import TrainingData, read_training_data
from cluster.training_run import TrainingRun
from diffcxr.denoiser.contradiction import lessons_digest
from jobs.stages.parts import PATHS, stage_parts
from jobs.stages.relay import Relay
from jobs.training_config import ALONE, READING, Config


@dataclass(frozen=True, slots=True)
class Sequence:
    """What a training worker is told. The paths in `config` are absolute: its folder is another one."""

    config: Config
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FilmsRead:
    """So many films are trained on."""

    count: int


def train_stages(sequence: Sequence) -> None:
    """Train what is not finished, from its last checkpoint. All workers of a run call it.

    Raises InputError where the corpus lacks something, which is said before the output is claimed, and
    RefusedError where the output holds another run.
    """
    config = sequence.config
    corpus, output = Corpus.open(config.data), Storage.at(config.output)
    removed = read_removed(config, corpus)
    data = read_training_data(corpus, config.split, config.size, removed.films, config.views, _watch_films)
    if is_first_worker():
        tell(FilmsRead(len(data.films)))
    for stage in sequence.stages:
        meet_workers()  # the stage before, on which this one builds, is published by the first of them
        if stage in ALONE and not is_first_worker():
            return
        used = data.with_texts(corpus.uri) if stage in READING else data
        run = TrainingRun(output, stage, stage_settings(config, corpus, removed, stage))
        if not run.finished:
            _trainer(stage)(config, used, run)


def _trainer(stage: str) -> Callable[[Config, TrainingData, TrainingRun], None]:
    """Imported by those who train alone: what the stages need takes ten seconds or more."""
    match stage:
        case "autoencoder":
            from jobs.stages.autoencoder import train_autoencoder as train
        case "language":
            from jobs.stages.language import train_language as train
        case "denoiser":
            from jobs.stages.denoiser import train_denoiser as train
        case "adapter":
            from jobs.stages.adapter import train_adapter as train
        case "classifier":
            from jobs.stages.classifier import train_classifier as train
        case _:
            raise ValueError(stage)
    return train


@contextmanager
def _watch_films(total: int) -> Iterator[Callable[[int], None]]:
    with Relay(total=total, unit="film", desc="read films") as bar:
        yield bar.update


def read_removed(config: Config, corpus: Corpus) -> Removed:
    """The films to leave out."""
    return Removed.read(Storage.at(config.filter.name), corpus) if config.filter.name else Removed.nothing()


def stage_settings(config: Config, corpus: Corpus, removed: Removed, stage: str) -> dict[str, Any]:
    """What decides the weights of a stage, and nothing of where or how often.

    Raises InputError where a part that it builds on is missing.
    """
    settings: dict[str, Any]
    if stage == "autoencoder" and config.autoencoder.pretrained:  # films decide nothing of it
        return {"parts": stage_parts(config, stage)}
    settings = {"corpus": corpus.digest, "split": config.split, "size": config.size, "seed": config.seed}
    settings["workers"] = 1 if stage in ALONE else config.workers
    settings |= {name: value for name, value in asdict(config)[stage].items() if name not in PATHS}
    if stage == "denoiser" and not config.denoiser.balance:  # so that older runs, which knew none, go on
        del settings["balance"]
    if config.views:
        settings["views"] = sorted(config.views)
    if removed.films:
        settings["removed"] = removed.digest
    if parts := stage_parts(config, stage):
        settings["parts"] = parts
    if stage == "adapter":
        settings["lessons"] = lessons_digest()
    return settings
