"""The arms' classifiers on held-out real films, by Ray Data: a shard in, one mergeable state an arm out."""

from __future__ import annotations

import functools
import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import ray
import ray.data

from cluster.corpus import Corpus
from cluster.downstream import ARMS, Arm, Films, with_film
from cluster.storage import Storage
from cluster.training_data import decode_film
from diffcxr.findings import CHEXPERT_14
from eval.auc import ScoredFilms, merge_all
from eval.downstream.classifier import FindingClassifier
from eval.groups import film_keys, patient_hashes


def score_arms(
    output: Storage, arms: Sequence[Arm], test: Films, size: int, workers: int
) -> Iterator[tuple[Arm, ScoredFilms]]:
    """Each arm's scores of the test films, a shard at a time, in no order."""
    ray.data.DataContext.get_current().enable_progress_bars = False  # the job has its own
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    shards = ray.data.from_items(
        [{"shard": number} for number in range(len(Corpus.open(test.uri).shards))],
    )
    # Tasks, no pool of actors: a task whose process died is tried three more times, an actor's for ever. Each
    # asks for a core, of however many there are or will be: nothing else of this run holds or needs one.
    states = shards.map_batches(
        _score_shard,  # type: ignore[arg-type]
        fn_args=(output.uri, tuple(arms), test.uri, test.split, size),
        batch_size=1,
        compute=ray.data.TaskPoolStrategy(size=workers),
        num_cpus=1,
    )
    for row in states.iter_rows():
        yield row["arm"], _unpack(row)


def merge_arms(parts: Iterable[tuple[Arm, ScoredFilms]], arms: Sequence[Arm]) -> dict[Arm, ScoredFilms]:
    """All films of each arm, in the order of their keys whatever shards they came from."""
    by_arm: dict[Arm, list[ScoredFilms]] = {arm: [] for arm in arms}
    for arm, state in parts:
        by_arm[arm].append(state)
    return {arm: merge_all(states, len(CHEXPERT_14)) for arm, states in by_arm.items()}


def _score_shard(
    batch: dict[str, Any], output: str, arms: tuple[Arm, ...], test: str, split: str | None, size: int
) -> dict[str, Any]:
    """A shard's films, of `split` where one is named, by every arm's classifier: one state an arm."""
    columns = ["report_id", "sample_index", "patient_id", "labels", "split", "image"]
    table = with_film(Corpus.open(test).read(int(batch["shard"][0]), columns))
    if split is not None:
        table = table.filter(pc.equal(table["split"], split))
    rows = table.to_pylist()
    films = np.empty((len(rows), size, size), np.uint8)
    for at, row in enumerate(rows):
        films[at] = decode_film(row["image"]["bytes"], size)
    known = [[(row["labels"] or {}).get(name) or 0 for name in CHEXPERT_14] for row in rows]
    truth = np.array(known, np.int8).reshape(len(rows), len(CHEXPERT_14))
    patients = patient_hashes([row["patient_id"] for row in rows], [row["report_id"] for row in rows])
    keys = film_keys([row["report_id"] for row in rows], [row["sample_index"] for row in rows])
    states = {
        arm: ScoredFilms(_classifier(output, arm).predict(films), truth, patients, keys) for arm in arms
    }
    return _pack(states)


@functools.lru_cache(maxsize=len(ARMS))
def _classifier(output: str, arm: Arm) -> FindingClassifier:
    """The arm's classifier, loaded once a process."""
    folder = Storage.at(output).child(f"arms/{arm}/classifier")
    with tempfile.TemporaryDirectory() as local:
        for name in ("config.json", "model.safetensors"):
            Path(local, name).write_bytes(folder.read(name))
        return FindingClassifier.from_pretrained(local)


def _pack(states: Mapping[Arm, ScoredFilms]) -> dict[str, Any]:
    """States as the columns of a batch, one row an arm; as bytes, for Arrow has no ragged matrices."""
    parts = ("scores", "truth", "patients", "keys")
    columns: dict[str, Any] = {
        part: [getattr(state, part).tobytes() for state in states.values()] for part in parts
    }
    return {"arm": list(states), **columns}


def _unpack(row: Mapping[str, Any]) -> ScoredFilms:
    findings = len(CHEXPERT_14)
    return ScoredFilms(
        np.frombuffer(row["scores"], np.float32).reshape(-1, findings),
        np.frombuffer(row["truth"], np.int8).reshape(-1, findings),
        np.frombuffer(row["patients"], np.uint64),
        np.frombuffer(row["keys"], np.uint64),
    )
