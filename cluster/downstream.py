"""The arms of a downstream run: one classifier on real films, on synthetic ones, on both, by Ray Train."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import ray
import ray.train
import torch
from numpy.typing import NDArray
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
    name: str
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

    arm: Arm
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
        uri=corpus.uri,
        name=corpus.name,
        digest=corpus.digest,
        split=split,
        count=table.num_rows,
        patients=frozenset(people),
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


def train_arms(
    output: Storage, arms: Sequence[Arm], student: Student, films: Mapping[Arm, Films], threads: int
) -> Iterator[EpochDone]:
    """Train those of `arms` that were not trained before, with Ray Train; yields as their epochs end.

    Each goes on from the last epoch that an earlier run, or a worker that died, has left in the output.
    """
    waiting = [arm for arm in arms if not arm_run(output, arm, student, films).finished]
    if not waiting:
        return
    trainer: Any = ray.remote(_Trainer).options(num_cpus=0, max_concurrency=3).remote()
    settings = {
        "output": output.uri,
        "arms": waiting,
        "student": student,
        "films": {name: replace(one, patients=frozenset()) for name, one in films.items()},
        "threads": threads,
        "trainer": trainer,
    }
    fitted = trainer.fit.remote(settings)
    shown, running = 0, True
    while running:
        running = bool(ray.wait([fitted], timeout=_POLL_S)[1])
        epochs: list[EpochDone] = ray.get(trainer.epochs.remote(shown))
        yield from epochs
        shown += len(epochs)
    mistake: DiffCXRError | None = ray.get(fitted)
    if mistake is not None:
        raise mistake


class _Trainer:
    """Ray Train at work, in an actor: in the driver it would take SIGINT over, and then exit with 0."""

    def __init__(self) -> None:
        self._epochs: list[EpochDone] = []
        self._mistake: DiffCXRError | None = None

    def fit(self, settings: dict[str, Any]) -> DiffCXRError | None:
        """What a person has to mend, if anything; raises TrainingFailedError where workers died too often."""
        with tempfile.TemporaryDirectory(prefix="cxr-train-") as folder:
            TorchTrainer(
                _train,
                train_loop_config=settings,
                scaling_config=ray.train.ScalingConfig(
                    num_workers=1, resources_per_worker={"CPU": settings["threads"]}
                ),
                # What Ray Train keeps here is its own bookkeeping: the arms' checkpoints lie in the output.
                run_config=ray.train.RunConfig(
                    name="downstream",
                    storage_path=folder,
                    failure_config=ray.train.FailureConfig(max_failures=_RETRIES),
                ),
            ).fit()
        return self._mistake

    def give_up(self, mistake: DiffCXRError) -> None:
        self._mistake = mistake

    def add(self, done: EpochDone) -> None:
        self._epochs.append(done)

    def epochs(self, start: int) -> list[EpochDone]:
        return self._epochs[start:]


def _train(settings: dict[str, Any]) -> None:
    """The arms, one after another, in Ray Train's worker.

    A damaged corpus is no reason to start the worker again: what a person has to mend is told to the driver.
    """
    try:
        _train_arms(settings)
    except DiffCXRError as mistake:
        ray.get(settings["trainer"].give_up.remote(mistake))


def _train_arms(settings: dict[str, Any]) -> None:
    torch.set_num_threads(settings["threads"])
    student: Student = settings["student"]
    films: Mapping[Arm, Films] = settings["films"]
    data = {name: read_training_data(Corpus.open(f.uri), f.split, student.size) for name, f in films.items()}
    for arm in settings["arms"]:
        run = arm_run(Storage.at(settings["output"]), arm, student, films)
        if run.finished:  # before the worker that this one stands in for died
            continue
        for done in _train_arm(arm, run, student, data):
            ray.get(settings["trainer"].add.remote(done))
            ray.train.report(asdict(done))


def _train_arm(
    arm: Arm, run: TrainingRun, student: Student, data: Mapping[Arm, TrainingData]
) -> Iterator[EpochDone]:
    films, labels = _arm_films(arm, data)
    state = run.load()
    epochs = fit_classifier(
        films,
        labels,
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
        else:
            with tempfile.TemporaryDirectory() as folder:
                epoch.model.save_pretrained(Path(folder, "classifier"))
                run.finish(Path(folder))
        yield EpochDone(arm, epoch.epoch, epoch.loss)


def _arm_films(arm: Arm, data: Mapping[Arm, TrainingData]) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """The arm's films and labels, gone through again until they are as many as all films together."""
    parts = [part for name, part in data.items() if arm in (name, "both")]
    order = np.arange(sum(len(part.films) for part in data.values())) % sum(len(p.films) for p in parts)
    films = np.concatenate([part.films for part in parts])[order]
    return films, np.concatenate([part.labels for part in parts])[order]


def with_film(table: pa.Table) -> pa.Table:
    """The rows that have an image."""
    return table.filter(pc.is_valid(table["image"]))
