"""The arms of a downstream run: one classifier on real films, on synthetic ones, on both, by Ray Train."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import ray
import ray.train
import torch
from ray.train.torch import TorchTrainer

from cluster.corpus import Corpus
from cluster.schema import ROW_SCHEMA
from cluster.storage import Storage
from cluster.training_data import TrainingData, read_training_data
from cluster.training_run import TrainingRun
from diffcxr.errors import DiffCXRError, InputError
from eval.downstream.classifier import ClassifierConfig, fit_classifier

Arm = Literal["real", "synthetic", "both"]
ARMS: tuple[Arm, ...] = ("real", "synthetic", "both")

_RETRIES = 3  # of a training worker that died
_POLL_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Films:
    """Some films of a corpus: those of one split, or all (None)."""

    uri: str
    digest: str
    split: str | None
    count: int
    patients: frozenset[str]  # a study without a patient is one of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """How each arm is trained: everything but its films."""

    epochs: int
    seed: int
    batch_size: int
    learning_rate: float
    size: int  # pixels a side


@dataclass(frozen=True, slots=True)
class EpochDone:
    """Progress of an arm."""

    epoch: int
    loss: float


def select_films(corpus: Corpus, split: str | None) -> Films:
    """The films of `split`; where the corpus knows no splits at all, all of its films."""
    columns = ["report_id", "patient_id", "split", "image.path"]  # not the bytes: only whether there are any
    table = pa.concat_tables(
        [
            ROW_SCHEMA.empty_table().select(columns[:3]),
            *(with_film(t).drop_columns("image") for t in corpus.tables(columns)),
        ]
    )
    if split is not None and table["split"].null_count == table.num_rows:
        split = None
    if split is not None:
        table = table.filter(pc.equal(table["split"], split))
    people = pc.coalesce(table["patient_id"], table["report_id"]).to_pylist()
    return Films(
        uri=corpus.uri, digest=corpus.digest, split=split, count=table.num_rows, patients=frozenset(people)
    )


def check_disjoint(training: Films, test: Films) -> None:
    """Raises InputError where a patient is on both sides."""
    shared = len(training.patients & test.patients)
    if shared:
        raise InputError(
            f"{shared} patients of the test films are also in training",
            f"{training.uri} and {test.uri}",
            "Split by patient: give test=URI with other patients, or generate from the training split.",
        )


def steps_of(student: Student, films: Mapping[Arm, Films]) -> int:
    """Optimiser steps of every arm: each goes through as many films as real and synthetic hold together."""
    together = sum(one.count for one in films.values())
    return student.epochs * (together // min(student.batch_size, together))


def arm_run(output: Storage, arm: Arm, student: Student, films: Mapping[Arm, Films]) -> TrainingRun:
    """The arm's training run, below `arms/<arm>` in the output. Raises RefusedError for another run's."""
    settings = {**asdict(student), "films": {name: [one.digest, one.split] for name, one in films.items()}}
    return TrainingRun(output.child(f"arms/{arm}"), "classifier", settings)


def epochs_done(run: TrainingRun, student: Student) -> int:
    """Epochs that an earlier run has left in the output."""
    if run.finished:
        return student.epochs
    state = run.load()
    return int(state["epoch"]) if state else 0


def training_threads(wanted: int | None) -> int:
    """Cores of the training worker: `wanted`, else two where a node has them. InputError for too many."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    most = max((int(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"]), default=0)
    if wanted is not None and wanted > most:
        raise InputError(
            f"no node of the cluster has {wanted} cores", "threads", f"It may be at most {most} here."
        )
    return wanted or min(2, max(1, most))


def train_arm(
    output: Storage, arm: Arm, student: Student, films: Mapping[Arm, Films], threads: int
) -> Iterator[EpochDone]:
    """Train one arm with Ray Train and yield as its epochs end; none where it was trained before.

    It goes on from the last epoch that an earlier run, or a worker that died, has left in the output.
    """
    if arm_run(output, arm, student, films).finished:
        return
    board = _Board.remote()  # type: ignore[attr-defined]
    settings = {
        "output": output.uri,
        "arm": arm,
        "student": student,
        "films": {name: replace(one, patients=frozenset()) for name, one in films.items()},
        "threads": threads,
        "board": board,
    }
    fitted = _fit.remote(settings)
    shown, running = 0, True
    while running:
        running = bool(ray.wait([fitted], timeout=_POLL_S)[1])
        epochs: list[EpochDone] = ray.get(board.read.remote(shown))
        yield from epochs
        shown += len(epochs)
    try:
        ray.get(fitted)
    except ray.train.TrainingFailedError as error:
        raise _first_cause(error) from error


@ray.remote(num_cpus=0)
class _Board:
    """Where the training worker tells the driver how far it is."""

    def __init__(self) -> None:
        self._done: list[EpochDone] = []

    def add(self, done: EpochDone) -> None:
        self._done.append(done)

    def read(self, start: int) -> list[EpochDone]:
        return self._done[start:]


@ray.remote(num_cpus=0, max_retries=0)
def _fit(settings: dict[str, Any]) -> None:
    """Ray Train at work, in a task: in the driver it would take SIGINT over, and then exit with 0."""
    with tempfile.TemporaryDirectory(prefix="cxr-train-") as folder:
        TorchTrainer(
            _train,
            train_loop_config=settings,
            scaling_config=ray.train.ScalingConfig(
                num_workers=1, resources_per_worker={"CPU": settings["threads"]}
            ),
            # What Ray Train keeps here is its own bookkeeping: the arm's checkpoints lie in the output.
            run_config=ray.train.RunConfig(
                name=f"downstream-{settings['arm']}",
                storage_path=folder,
                failure_config=ray.train.FailureConfig(max_failures=_RETRIES),
            ),
        ).fit()


def _first_cause(error: ray.train.TrainingFailedError) -> Exception:
    """What a person can mend, where the worker said so; else Ray Train's own error."""
    failures: dict[int, Exception] = getattr(getattr(error, "cause", error), "worker_failures", {})
    causes = (getattr(failure, "cause", failure) for failure in failures.values())
    return next((cause for cause in causes if isinstance(cause, DiffCXRError)), error)


def _train(settings: dict[str, Any]) -> None:
    """One arm, in Ray Train's worker."""
    torch.set_num_threads(settings["threads"])
    student: Student = settings["student"]
    arm: Arm = settings["arm"]
    run = arm_run(Storage.at(settings["output"]), arm, student, settings["films"])
    if run.finished:
        return
    data = _arm_films(arm, settings["films"], student.size)
    state = run.load()
    epochs = fit_classifier(
        data.films,
        data.labels,
        epochs=student.epochs,
        seed=student.seed,
        batch_size=student.batch_size,
        learning_rate=student.learning_rate,
        config=ClassifierConfig(size=student.size),
        state=state,
    )
    for epoch in epochs:
        run.record(epoch=epoch.epoch, loss=epoch.loss)
        if epoch.epoch < student.epochs:  # the last one's weights are the arm's own, published below
            run.save(epoch.state)
        ray.get(settings["board"].add.remote(EpochDone(epoch.epoch, epoch.loss)))
        ray.train.report({"arm": arm, "epoch": epoch.epoch, "loss": epoch.loss})
        model = epoch.model
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(Path(folder, "classifier"))
        run.finish(Path(folder))


def _arm_films(arm: Arm, films: Mapping[Arm, Films], size: int) -> TrainingData:
    """The arm's films, gone through again until they are as many as real and synthetic together."""
    together = sum(one.count for one in films.values())
    parts = [
        read_training_data(Corpus.open(one.uri), one.split, size)
        for name, one in films.items()
        if arm in (name, "both")
    ]
    own = sum(len(part.films) for part in parts)
    order = np.arange(together) % own
    return TrainingData(
        films=np.concatenate([part.films for part in parts])[order],
        labels=np.concatenate([part.labels for part in parts])[order],
        texts=[],
        patients=[],
    )


def with_film(table: pa.Table) -> pa.Table:
    """The rows that have an image."""
    return table.filter(pc.is_valid(table["image"]))
