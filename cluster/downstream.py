"""The arms of a downstream run: one classifier on real films, on synthetic ones, on both, by Ray Train."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cluster.corpus import Corpus
from cluster.schema import ROW_SCHEMA
from cluster.storage import Storage
from cluster.training import Workers, tell, train_on_workers
from cluster.training_data import TrainingData, read_training_data
from cluster.training_run import TrainingRun
from diffcxr.errors import InputError
from eval.downstream.classifier import ClassifierConfig, fit_classifier

Arm = Literal["real", "synthetic", "both"]
ARMS: tuple[Arm, ...] = ("real", "synthetic", "both")


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


def train_arms(
    output: Storage, arms: Sequence[Arm], student: Student, films: Mapping[Arm, Films], workers: Workers
) -> Iterator[EpochDone]:
    """Train those of `arms` that were not trained before, with Ray Train; yields as their epochs end.

    Each goes on from the last epoch that an earlier run, or a worker that died, has left in the output.
    """
    waiting = tuple(arm for arm in arms if not arm_run(output, arm, student, films).finished)
    if waiting:
        told = {name: replace(one, patients=frozenset()) for name, one in films.items()}
        yield from train_on_workers(_train_arms, _Lesson(output, waiting, student, told), workers)


@dataclass(frozen=True, slots=True)
class _Lesson:
    """What a training worker is told."""

    output: Storage
    arms: tuple[Arm, ...]
    student: Student
    films: Mapping[Arm, Films]


def _train_arms(lesson: _Lesson) -> None:
    """The arms, one after another, in Ray Train's worker."""
    student, films = lesson.student, lesson.films
    data = {name: read_training_data(Corpus.open(f.uri), f.split, student.size) for name, f in films.items()}
    for arm in lesson.arms:
        run = arm_run(lesson.output, arm, student, films)
        if run.finished:  # before the worker that this one stands in for died
            continue
        for done in _train_arm(arm, run, student, data):
            tell(done, saved=True)


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
