"""What lies below a runs folder: corpora, made or given, what measured or filtered them, and sweeps."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cluster.corpus import MANIFEST_PATH, Corpus
from cluster.exhibits import EXHIBITS_PATH, Exhibits, exhibits_from_json
from cluster.removed_films import ROUNDS_PATH
from cluster.run_record import RUN_PATH, RunRecord, read_record
from cluster.storage import Storage
from cluster.training_run import LOG_PATH
from diffcxr.errors import InputError
from jobs.page.filterings import STAGE, Filtered, read_filtering
from jobs.page.measures import Score, read_scores
from jobs.page.sweeps import Sweep

METRICS_PATH = "metrics.json"
DOWNSTREAM_PATH = "downstream.json"
_FIX = "Run the job that wrote it again into a new output, or take the file away."
_SHARD = re.compile(r"^(?:(.*)/)?shards/\d{5,}\.parquet$")
_RESULT = re.compile(r"^(?:(.*)/)?points/[0-9a-f]{16}/result\.json$")


@dataclass(frozen=True, slots=True)
class Generated:
    """A corpus that `generate` made or is making; `corpus` is None until it is finished."""

    name: str
    label: str  # for reading: the folder, or the point of its sweep
    in_sweep: bool
    record: RunRecord
    corpus: Corpus | None
    shards: int  # committed so far


@dataclass(frozen=True, slots=True)
class Scored:
    """A folder's scores: of an evaluation, or of a downstream run."""

    name: str
    label: str
    in_sweep: bool
    scores: tuple[Score, ...]
    exhibits: Exhibits | None = None


@dataclass(frozen=True, slots=True)
class Runs:
    """Everything found, each kind sorted by name, what belongs to a sweep last."""

    source: str
    generated: tuple[Generated, ...]
    corpora: tuple[Corpus, ...]  # real and phantom ones
    evaluations: tuple[Scored, ...]
    downstreams: tuple[Scored, ...]
    sweeps: tuple[Sweep, ...]
    filterings: tuple[Filtered, ...]
    newest: datetime | None  # of the results

    def __bool__(self) -> bool:
        found = (self.generated, self.evaluations, self.downstreams, self.sweeps, self.filterings)
        return any(found)


def find_runs(storage: Storage) -> Runs:
    """What lies at `storage` and below it. Raises InputError where a file of a run cannot be read."""
    stored = list(storage.list())
    files: dict[str, set[str]] = {}
    shards: Counter[str] = Counter()
    for item in stored:
        shard = _SHARD.match(item.path)
        if shard:
            shards[shard[1] or ""] += 1
        else:
            folder, _, file = item.path.rpartition("/")
            files.setdefault(folder, set()).add(file)
    sweeps = _sweeps(storage, [item.path for item in stored])
    points = _point_labels(sweeps)
    generated, corpora, evaluations, downstreams, filterings = [], [], [], [], []
    for folder in sorted(files.keys() | shards.keys()):
        here, place = files.get(folder, set()), storage.child(folder)
        label, swept = points.get(folder) or folder or _last_part(storage.uri), folder in points
        record = read_record(place) if RUN_PATH in here else None
        finished = Corpus.open(place) if MANIFEST_PATH in here else None
        if record is not None and "model_digest" in record.pixels:
            generated.append(Generated(folder, label, swept, record, finished, shards[folder]))
        elif finished is not None:
            corpora.append(finished)
        if METRICS_PATH in here:
            exhibits = _exhibits(place) if EXHIBITS_PATH in here else None
            evaluations.append(Scored(folder, label, swept, _scores(place, METRICS_PATH), exhibits))
        if DOWNSTREAM_PATH in here:
            downstreams.append(Scored(folder, label, swept, _scores(place, DOWNSTREAM_PATH)))
        if ROUNDS_PATH in here and LOG_PATH in files.get(f"{folder}/{STAGE}".lstrip("/"), ()):
            filterings.append(read_filtering(place, label))
    results = {METRICS_PATH, DOWNSTREAM_PATH, MANIFEST_PATH, ROUNDS_PATH}
    return Runs(
        storage.uri,
        tuple(sorted(generated, key=lambda run: run.in_sweep)),
        tuple(corpora),
        tuple(sorted(evaluations, key=lambda found: found.in_sweep)),
        tuple(sorted(downstreams, key=lambda found: found.in_sweep)),
        sweeps,
        tuple(filterings),
        max((i.modified for i in stored if i.path.rpartition("/")[2] in results), default=None),
    )


def _point_labels(sweeps: Sequence[Sweep]) -> dict[str, str]:
    """What the folders of sweeps' points are called, by their path."""
    return {
        sweep.folder_of(step): f"{result.get('point', '')} · {step.get('name', '')}"
        for sweep in sweeps
        for result in sweep.results
        for step in result.get("steps", ())
    }


def _sweeps(storage: Storage, paths: Sequence[str]) -> tuple[Sweep, ...]:
    results: dict[str, list[dict[str, Any]]] = {}
    for path in paths:
        match = _RESULT.match(path)
        if match:
            result = _json(storage, path)
            if not isinstance(result, dict):
                raise InputError("not a sweep's result", storage.child(path).uri, _FIX)
            results.setdefault(match[1] or "", []).append(result)
    return tuple(
        Sweep(name, tuple(sorted(points, key=lambda point: str(point.get("point", "")))))
        for name, points in sorted(results.items())
    )


def _scores(place: Storage, path: str) -> tuple[Score, ...]:
    return read_scores(_json(place, path), place.child(path).uri)


def _exhibits(place: Storage) -> Exhibits:
    try:
        return exhibits_from_json(place.read(EXHIBITS_PATH))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        where = place.child(EXHIBITS_PATH).uri
        raise InputError("not what an evaluation writes", where, _FIX) from error


def _json(place: Storage, path: str) -> Any:
    try:
        return json.loads(place.read(path))
    except ValueError as error:
        raise InputError("not JSON", place.child(path).uri, _FIX) from error


def _last_part(uri: str) -> str:
    return uri.rstrip("/").rpartition("/")[2] or uri
