"""`diffcxr downstream`: what synthetic films are worth for training, by testing on real ones."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

from cluster.arm_scores import merge_arms, score_arms
from cluster.corpus import Corpus
from cluster.downstream import (
    ARMS,
    Arm,
    Films,
    Student,
    arm_run,
    check_disjoint,
    epochs_done,
    select_films,
    steps_of,
    train_arms,
)
from cluster.run_record import RunRecord, create_or_resume
from cluster.session import connect, is_private
from cluster.storage import Storage
from cluster.training import place_workers
from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14
from eval.auc import ScoredFilms, macro, result
from eval.intervals import bootstrap_auc
from eval.scores import Score
from jobs.command import main
from jobs.options import option, required
from jobs.progress import Progress, progress
from jobs.summary import Summary

RESULT_PATH = "downstream.json"
_RESAMPLES = 1000


@dataclass(kw_only=True)
class Config:
    """Train one classifier on real, on synthetic and on both films, and test each on held-out real ones.

    Every arm takes the same number of optimiser steps. The same command again goes on where it stopped.
    """

    real: str = required(
        help="URI of a corpus with real films; its training split trains, its test split tests"
    )
    synthetic: str = required(help="URI of a corpus of synthetic films; only its training split is used")
    output: str = required(help="URI of the results")
    test: str | None = option(
        None, help="URI of a corpus of real films to test on, instead of real's test split"
    )
    arms: list[str] = option(list(ARMS), help="what to train on", choices=ARMS)
    epochs: int = option(8, help="passes over as many films as real and synthetic hold together", min=1)
    seed: int = option(0, help="seed of weights, order and augmentation", min=0)
    batch_size: int = option(64, help="films a step", min=2)
    learning_rate: float = option(2e-3, help="peak learning rate of AdamW", min=0)
    size: int = option(128, help="pixels a side; other films are resized", min=32)
    workers: int = option(1, help="processes that score the test films", min=1)
    threads: int | None = option(
        None, help="cores of the training worker; default: 2 where a node has them", min=1
    )
    address: str | None = option(
        None, help="address of a Ray cluster; default: a private one on this machine"
    )


def run(config: Config) -> Summary:
    """Train the arms that are not trained yet, score them, write downstream.json.

    Raises InputError where there is nothing to train or test on, or a patient is on both sides, and
    RefusedError where the output holds another run.
    """
    arms = tuple(arm for arm in ARMS if arm in config.arms)
    if not arms:
        raise InputError("no arm to train", "arms", f"Name some of {', '.join(ARMS)}.")
    output = Storage.at(config.output)
    films, test = _select(config)
    student = Student(
        epochs=config.epochs,
        seed=config.seed,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        size=config.size,
    )
    output.check_writable()
    create_or_resume(output, _record(student, arms, films, test))
    if not output.exists(RESULT_PATH):
        with connect(config.address):
            _train(output, arms, student, films, config)
            states = _score(output, arms, test, config)
        scores = [row for arm in arms for row in measure(arm, states[arm], films, student, test)]
        output.create(RESULT_PATH, (json.dumps(scores, indent=2, allow_nan=False) + "\n").encode())
    return _summary(json.loads(output.read(RESULT_PATH)), output)


def measure(
    arm: Arm, state: ScoredFilms, films: Mapping[Arm, Films], student: Student, test: Films
) -> list[dict[str, Any]]:
    """The rows of downstream.json for one arm: the macro AUC, then each finding.

    They are rows of metrics.json (DESIGN 10) with the arm, its training films and its steps beside.
    """
    values = result(state)
    used = [index for index, value in enumerate(values) if value.value is not None]
    intervals = bootstrap_auc(state, {"all": used}, _RESAMPLES, student.seed)
    trained = {name: one.count for name, one in films.items() if arm in (name, "both")}
    beside = {"arm": arm, "n_train": sum(trained.values()), "steps": steps_of(student, films)}
    shared: dict[str, Any] = {
        "extractor": None,
        "n_real": len(state.keys),
        "n_synthetic": trained.get("synthetic", 0),
        "reference": f"{test.name}, {test.split}" if test.split else test.name,
        "digest": test.digest,
    }
    low, high = intervals.macro["all"] or (None, None)
    rows = [
        Score(
            metric="downstream_macro_auc",
            subset=arm,
            value=macro(values),
            low=low,
            high=high,
            findings=tuple(CHEXPERT_14[index] for index in used),
            **shared,
        )
    ]
    for finding, value, interval in zip(CHEXPERT_14, values, intervals.findings, strict=True):
        low, high = interval or (None, None)
        rows.append(
            Score(
                metric="downstream_auc",
                subset=finding,
                value=value.value,
                low=low,
                high=high,
                n_positive=value.n_positive,
                **shared,
            )
        )
    return [asdict(row) | beside for row in rows]


def _select(config: Config) -> tuple[dict[Arm, Films], Films]:
    """The training films of the two corpora, and the test films."""
    real, synthetic = Corpus.open(config.real), Corpus.open(config.synthetic)
    films: dict[Arm, Films] = {
        "real": select_films(real, "train"),
        "synthetic": select_films(synthetic, "train"),
    }
    for name, one in films.items():
        if one.count < 2:
            raise InputError(f"{one.count} training films", f"{name}={one.uri}", "Give a corpus with more.")
    if config.test is not None:
        test = select_films(Corpus.open(config.test), None)
    else:
        test = select_films(real, "test")
    if not test.count or (test.split is None and config.test is None):
        raise InputError("no test films", real.uri, "Give test=URI, a corpus of real films held out.")
    for one in films.values():
        check_disjoint(one, test)
    return films, test


def _record(student: Student, arms: Sequence[Arm], films: Mapping[Arm, Films], test: Films) -> RunRecord:
    plan: dict[str, object] = {
        "job": "downstream",
        "arms": list(arms),
        **asdict(student),
        **{name: {"digest": one.digest, "split": one.split} for name, one in films.items()},
        "test": {"digest": test.digest, "split": test.split},
    }
    return RunRecord(pixels={}, plan=plan, stack={name: version(name) for name in ("torch", "ray")})


def _train(
    output: Storage, arms: Sequence[Arm], student: Student, films: Mapping[Arm, Films], config: Config
) -> None:
    before = sum(epochs_done(arm_run(output, arm, student, films), student) for arm in arms)
    workers = place_workers(1, config.threads, gpu=False, grows=not is_private(config.address))
    if config.threads is None:
        workers = replace(workers, threads=min(2, workers.threads))
    bar: Progress[None]
    with progress(total=student.epochs * len(arms), unit="epochs", desc="train", initial=before) as bar:
        for done in train_arms(output, arms, student, films, workers):
            bar.note(f"{done.arm}, loss {done.loss:.4f}")
            bar.update()


def _score(output: Storage, arms: Sequence[Arm], test: Films, config: Config) -> dict[Arm, ScoredFilms]:
    parts = progress(
        score_arms(output, arms, test, config.size, config.workers),
        total=len(Corpus.open(test.uri).shards) * len(arms),
        unit="shards",
        desc="test",
    )
    return merge_arms(parts, arms)


def _summary(scores: Sequence[Mapping[str, Any]], output: Storage) -> Summary:
    arms = [row for row in scores if row["metric"] == "downstream_macro_auc"]
    names = ("value", "low", "high", "n_train", "n_real", "steps")
    values = {
        "metric": "downstream_macro_auc",
        "arms": {row["subset"]: {name: row[name] for name in names} for row in arms},
        "output": output.uri,
    }
    header = ("trained on", "macro AUC", "low", "high", "films", "tested on", "steps")
    table = [header, *((row["subset"], *(row[name] for name in names)) for row in arms)]
    return Summary(values=values, table=table, output=output.uri)


if __name__ == "__main__":
    sys.exit(main(["downstream", *sys.argv[1:]]))
