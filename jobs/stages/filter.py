"""Stage `filter` of `diffcxr train`: the films of a corpus scored, and those that do not belong named."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.distributed as dist

from cluster.corpus import Corpus
from cluster.film_features import KeptFeatures, read_features
from cluster.filtering import FilmFeatures, filter_films
from cluster.model_parts import part_digest, read_autoencoder
from cluster.models import MINI
from cluster.removed_films import ROUNDS_PATH
from cluster.storage import Storage
from cluster.training import from_first_worker, tell, train_on_workers, worker_device
from cluster.training_run import PROGRESS_PATH, TrainingRun
from diffcxr.errors import InputError
from diffcxr.filtering.rounds import FEWEST_FILMS, Round
from jobs.progress import progress
from jobs.summary import Summary
from jobs.training_config import Config
from jobs.training_workers import training_workers

_FIX = "Name a model folder with an autoencoder by filter.autoencoder=URI."


@dataclass(frozen=True, slots=True)
class ShardEncoded:
    """The features of a shard's films are kept."""

    number: int


def run_filter(config: Config, corpus: Corpus, output: Storage) -> Summary:
    """Score films of all splits, of `views` alone where there are any; deletes none of them.

    Workers encode them, and what they computed of each shard is kept until all is scored, so that the same
    command goes on from there. A finished output is left as it is. Raises InputError where films or sizes do
    not do, and RefusedError on another filtering's output.
    """
    if config.size % 32 or config.size < 64:
        fix = "For stage=filter it is a multiple of 32, 64 or more."
        raise InputError(f"size={config.size} does not divide into blocks", "size", fix)
    settings, kept = _settings(config, corpus), _kept(output)
    if not (TrainingRun.begun(output, "filter") and TrainingRun(output, "filter", settings).finished):
        _check_enough(_rows(corpus, config.views), corpus, config.views)  # before hours of encoding
        missing = kept.missing(len(corpus.shards))
        if missing:
            _encode(config, corpus, output, missing)
        films = FilmFeatures.join(kept.read(number) for number in range(len(corpus.shards)))
        _check_enough(len(films.keys), corpus, config.views)
        _filter(films, TrainingRun(output, "filter", settings))
    kept.delete()  # also what a run left that was killed after its end
    last = json.loads(output.read(ROUNDS_PATH))[-1]
    values = {"corpus": corpus.digest, "data": corpus.uri, "rows": corpus.rows, "output": output.uri, **last}
    table = [
        ("films", last["films"]),
        ("removed", last["removed"]),
        ("rounds", last["round"]),
        ("scores", output.uri),
    ]
    ended = Round(**{key: value for key, value in last.items() if key != "films"})
    unsettled = f"after {ended.round} rounds {ended.changed} films still changed their fate"
    note = "" if ended.settled else unsettled
    return Summary(values=values, table=table, output=output.child("training/filter").uri, note=note)


def encode_shards(config: Config) -> None:
    """Keep the features of those shards that are not kept. All workers of a run call it, each does a share.

    The paths in `config` are absolute. Raises InputError where the autoencoder or a film is damaged, and
    RefusedError where the output holds another run, or one that was begun on another kind of processor.
    """
    corpus, output, device = Corpus.open(config.data), Storage.at(config.output), worker_device()
    autoencoder = read_autoencoder(_model(config), _FIX).to(device)
    settings, kept = _settings(config, corpus), _kept(output)
    TrainingRun(output, "filter", settings)  # claims the output
    kept.claim(settings, device)
    missing = from_first_worker(lambda: kept.missing(len(corpus.shards)))
    rank, workers = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    for number in missing[rank::workers]:
        kept.write(number, read_features(corpus, number, autoencoder, config.size, config.views))
        tell(ShardEncoded(number), saved=True)


def _encode(config: Config, corpus: Corpus, output: Storage, missing: list[int]) -> None:
    """The missing shards, in training workers, with their progress on this screen and in the output."""
    waiting = {number: corpus.shards[number].rows for number in missing}
    done = corpus.rows - sum(waiting.values())
    with (
        training_workers(config) as workers,
        progress(total=corpus.rows, unit="film", desc="encode films", initial=done) as bar,
    ):
        for told in train_on_workers(encode_shards, config, workers):
            rows = waiting.pop(told.number, 0)
            bar.update(rows)
            done += rows
            state = json.dumps({"step": done, "steps": corpus.rows}, sort_keys=True) + "\n"
            output.replace(f"training/filter/{PROGRESS_PATH}", state.encode())


def _filter(films: FilmFeatures, run: TrainingRun) -> None:
    found, objects = filter_films(films)
    for one in found.rounds:
        run.record(round=one.round, seeds=one.seeds, removed=one.removed, changed=one.changed)
    with tempfile.TemporaryDirectory() as folder:
        for path, data in objects.items():
            Path(folder, path).write_bytes(data)
        run.finish(Path(folder))


def _settings(config: Config, corpus: Corpus) -> dict[str, Any]:
    """What decides the scores."""
    autoencoder = part_digest(_model(config), "autoencoder", _FIX)
    settings: dict[str, Any] = {"corpus": corpus.digest, "size": config.size, "autoencoder": autoencoder}
    if config.views:  # so that older runs, which took films of all views, go on
        settings["views"] = sorted(config.views)
    return settings


def _model(config: Config) -> Storage:
    return Storage.at(config.filter.autoencoder or config.base or MINI)


def _kept(output: Storage) -> KeptFeatures:
    return KeptFeatures(output.child("training/filter/features"))


def _rows(corpus: Corpus, views: list[str]) -> int:
    """How many rows are of the views; all, where none are given."""
    if not views:
        return corpus.rows
    return sum(view in views for table in corpus.tables(["view"]) for view in table["view"].to_pylist())


def _check_enough(films: int, corpus: Corpus, views: list[str]) -> None:
    if films < FEWEST_FILMS:
        of = f" of views {', '.join(views)}" if views else ""
        what = f"{films} films{of} are too few to tell the ordinary from the strange"
        raise InputError(what, corpus.uri, f"Filter {FEWEST_FILMS} films or more.")
