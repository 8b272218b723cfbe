"""Stage `filter` of `diffcxr train`: every film of a corpus scored, and those that do not belong named."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from cluster.corpus import Corpus
from cluster.filtering import ROUNDS_PATH, FilmFeatures, filter_films, read_features
from cluster.model_parts import part_digest, read_autoencoder
from cluster.models import MINI
from cluster.storage import Storage
from cluster.training_run import TrainingRun
from diffcxr.errors import InputError
from jobs.progress import progress
from jobs.summary import Summary

_FIX = "Name a model folder with an autoencoder by filter.autoencoder=URI."


def run_filter(corpus: Corpus, output: Storage, autoencoder: str | None, size: int) -> Summary:
    """Score the films of all splits at `size` pixels; writes scores, rounds and examples, deletes nothing.

    A finished output is left as it is. Raises InputError where films or sizes do not do, and RefusedError on
    another filtering's output.
    """
    if size % 32 or size < 64:
        fix = "For stage=filter it is a multiple of 32, 64 or more."
        raise InputError(f"size={size} does not divide into blocks", "size", fix)
    model = Storage.at(autoencoder or MINI)
    settings = {"corpus": corpus.digest, "size": size, "autoencoder": part_digest(model, "autoencoder", _FIX)}
    if not (TrainingRun.begun(output, "filter") and TrainingRun(output, "filter", settings).finished):
        films = _read(corpus, model, size)  # before the output is claimed, for it may raise
        _filter(films, TrainingRun(output, "filter", settings))
    last = json.loads(output.read(ROUNDS_PATH))[-1]
    values = {"corpus": corpus.digest, "data": corpus.uri, "rows": corpus.rows, "output": output.uri, **last}
    table = [
        ("films", last["films"]),
        ("removed", last["removed"]),
        ("rounds", last["round"]),
        ("scores", output.uri),
    ]
    return Summary(values=values, table=table, output=output.child("training/filter").uri)


def _read(corpus: Corpus, model: Storage, size: int) -> FilmFeatures:
    autoencoder = read_autoencoder(model, _FIX)
    with progress(total=corpus.rows, unit="film", desc="encode films") as bar:
        return read_features(corpus, autoencoder, size, on_shard=bar.update)


def _filter(films: FilmFeatures, run: TrainingRun) -> None:
    found, objects = filter_films(films)
    for one in found.rounds:
        run.record(round=one.round, seeds=one.seeds, removed=one.removed, changed=one.changed)
    with tempfile.TemporaryDirectory() as folder:
        for path, data in objects.items():
            Path(folder, path).write_bytes(data)
        run.finish(Path(folder))
