"""Corpora of small films with labels, cut into shards as a test likes."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cluster.corpus import Corpus, finish_corpus
from cluster.schema import table_from_rows
from cluster.shard import commit_shard, encode_shard
from cluster.storage import Storage
from diffcxr.findings import CHEXPERT_14
from diffcxr.sources.row import Row
from eval.downstream.classifier import ClassifierConfig, FindingClassifier


def film_rows(count: int, seed: int, brightness: float = 0.0) -> list[Row]:
    """Grey 32-pixel films of `count` / 2 patients, with all kinds of labels."""
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        film = rng.normal(120 + brightness, 20, (32, 32))
        sick = rng.random() < 0.4
        film[:16] += 25 * sick
        picture = io.BytesIO()
        Image.fromarray(film.clip(0, 255).astype(np.uint8)).save(picture, "PNG")
        labels = dict.fromkeys(CHEXPERT_14) | {
            "Edema": 1 if sick else None,
            "Fracture": -1 if index % 7 == 0 else int(rng.random() < 0.5),
            "Pneumonia": 0,
        }
        rows.append(
            Row(
                report_id=f"study-{seed}-{index:04d}",
                patient_id=f"patient-{seed}-{index // 2:04d}",
                text=f"film {index}",
                labels=labels if index % 11 else None,
                split="test" if index % 4 == 0 else "train",
                image=picture.getvalue(),
            )
        )
    return rows


def write_films(uri: str | Path, rows: Sequence[Row], cuts: Sequence[int] = ()) -> Corpus:
    """A finished corpus of those rows, a shard ending before each of `cuts`."""
    storage = Storage.at(uri)
    bounds = [0, *cuts, len(rows)]
    for unit, (start, stop) in enumerate(itertools.pairwise(bounds)):
        table = table_from_rows(rows[start:stop])
        commit_shard(storage, unit, encode_shard(table, "films", unit, []))
    return finish_corpus(storage, "films", len(bounds) - 1, "films", "CC0-1.0", {"source": "test"})


def write_classifier(folder: Path, findings: tuple[str, ...] = ("Edema", "Fracture", "Pneumonia")) -> Path:
    """A small untrained classifier, whose scores still depend on every pixel."""
    torch.manual_seed(0)
    FindingClassifier(ClassifierConfig(size=32, widths=(8, 16, 24), findings=findings)).save_pretrained(
        folder
    )
    return folder
