"""A runs folder as the jobs leave it, small: what the page is drawn from."""

import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from cluster.corpus import Corpus, finish_corpus
from cluster.exhibits import EXHIBITS_PATH, exhibits_to_json
from cluster.filtering import FilmFeatures, filter_films
from cluster.run_record import RunRecord, create_or_resume
from cluster.schema import rows_from_table, table_from_rows
from cluster.shard import commit_shard, encode_shard
from cluster.storage import Storage
from cluster.training_run import TrainingRun
from diffcxr.findings import CHEXPERT_14
from eval.scores import Score, scores_to_json
from tests.jobs.blob_corpus import blob_corpus
from tests.jobs.page_exhibits import exhibits

FINGERPRINTS = ("1" * 16, "2" * 16)
REMOVED = 3  # films of the filtering


def write_runs(uri: str, *, markup: str = "", finished: bool = True) -> Corpus:
    """Reports, films generated from them, an evaluation with its exhibits, a downstream run, a sweep and a
    filtering of the reports' films; returns the reports.

    Args:
        markup: put into each generated row's report.
        finished: whether the generated corpus has its manifest.
    """
    runs = Storage.at(uri)
    reports = blob_corpus(runs.child("reports").uri, "phantom", 30)
    write_generated(runs.child("generated"), reports, markup, finished)
    runs.child("evaluation").create("metrics.json", scores_to_json(metrics(0.8)))
    if finished:
        shown = exhibits(reports, Corpus.open(runs.child("generated")))
        runs.child("evaluation").create(EXHIBITS_PATH, exhibits_to_json(shown))
    runs.child("downstream").create("downstream.json", json.dumps(downstream()).encode())
    for number, fingerprint in enumerate(FINGERPRINTS):
        place = f"points/{fingerprint}"
        runs.child(f"sweep/{place}/evaluate").create(
            "metrics.json", scores_to_json(metrics(0.7 + number / 10))
        )
        steps = [{"name": "evaluate", "job": "evaluate", "output": f"{place}/evaluate", "summary": {}}]
        result = {"fingerprint": fingerprint, "point": f"guidance={number + 1}.0", "steps": steps}
        runs.child(f"sweep/{place}").create("result.json", json.dumps(result).encode())
    write_filtering(runs.child("filtered"), reports)
    return reports


def write_filtering(output: Storage, films: Corpus) -> None:
    """A filtering of the corpus by invented features, of which the last films' are far from the others'."""
    keys = [(row.report_id, row.sample_index) for table in films.tables() for row in rows_from_table(table)]
    features = np.random.default_rng(0).normal(size=(len(keys), 12)).astype(np.float32)
    features[-REMOVED:] += np.arange(20, 20 + REMOVED)[:, None]
    run = TrainingRun(output, "filter", {"corpus": films.digest})
    run.folder.replace("summary.json", json.dumps({"data": films.uri}).encode())
    with tempfile.TemporaryDirectory() as folder:
        for path, data in filter_films(FilmFeatures(sorted(keys), features))[1].items():
            Path(folder, path).write_bytes(data)
        run.finish(Path(folder))


def write_generated(output: Storage, reports: Corpus, markup: str, finished: bool) -> None:
    pixels: dict[str, Any] = {"corpus_digest": reports.digest, "model_digest": "null", "seed": 7, "steps": 20}
    record = create_or_resume(output, RunRecord(pixels, {"samples": 30}, {"torch": "2.14"}))
    rows = [replace(row, seed=1) for table in reports.tables() for row in rows_from_table(table)]
    if markup:
        rows = [replace(row, findings=markup) for row in rows]
    commit_shard(output, 0, encode_shard(table_from_rows(rows), record.plan_hash, 0))
    if finished:
        parent = {"name": reports.name, "digest": reports.digest, "rows": reports.rows}
        finish_corpus(output, "generated", 1, record.plan_hash, "CC0-1.0", {"synthetic": True}, parent)


def metrics(value: float) -> list[Score]:
    shared: dict[str, Any] = {"n_real": 30, "n_synthetic": 30, "reference": "phantom", "digest": "ab" * 32}
    return [
        Score(
            metric="fid", extractor="efficientnet_lite0", value=12.5, low=11, high=14, floor=3.25, **shared
        ),
        Score(
            metric="mauc_label",
            extractor="mini",
            value=value,
            low=value - 0.05,
            high=value + 0.05,
            floor=0.51,
            ceiling=0.98,
            findings=tuple(finding for finding in CHEXPERT_14 if finding != "Fracture"),
            **shared,
        ),
        *(
            Score(
                metric="mauc_label",
                extractor="mini",
                subset=finding,
                value=None if finding == "Fracture" else value,
                low=None if finding == "Fracture" else value - 0.1,
                high=None if finding == "Fracture" else value + 0.1,
                n_positive=12,
                **shared,
            )
            for finding in CHEXPERT_14
        ),
    ]


def downstream() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for arm, value in (("real", 0.95), ("synthetic", 0.81), ("both", 0.96)):
        shared: dict[str, Any] = {"extractor": None, "n_real": 60, "n_synthetic": 30}
        shared |= {"reference": "phantom, test", "digest": "cd" * 32}
        beside = {"arm": arm, "n_train": 200, "steps": 33}
        scores = [
            Score(
                metric="downstream_macro_auc",
                subset=arm,
                value=value,
                low=value - 0.03,
                high=value + 0.02,
                **shared,
            ),
            Score(metric="downstream_auc", subset="Edema", value=value - 0.01, **shared),
        ]
        rows += [asdict(score) | beside for score in scores]
    return rows
