"""Corpora of tiny films with one visible finding, for tests that train in seconds."""

import io

import numpy as np
from PIL import Image

from cluster.corpus import Corpus, finish_corpus
from cluster.schema import table_from_rows
from cluster.shard import commit_shard, encode_shard
from cluster.storage import Storage
from diffcxr.findings import CHEXPERT_14, Labels
from diffcxr.sources.row import Row

SIZE = 32


def blob_row(index: int, world: str, split: str | None, honest: bool = True) -> Row:
    """A film with a bright blob where Cardiomegaly is labelled; where not `honest`, where it is not."""
    rng = np.random.default_rng([index, len(world)])
    present = bool(rng.random() < 0.5)
    pixels = rng.normal(90, 12, (SIZE, SIZE))
    if present == honest:
        pixels[12:24, 10:20] += 80
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    labels: Labels = dict.fromkeys(CHEXPERT_14, 0)
    labels["Cardiomegaly"] = int(present)
    labels["Edema"] = -1 if index % 7 == 0 else None
    return Row(
        report_id=f"{world}-{index:04d}",
        patient_id=f"{world}-patient-{index // 2:04d}",
        text=f"The heart is {'enlarged' if present else 'normal'}.",
        findings=f"The heart is {'enlarged' if present else 'normal'}.",
        labels=labels,
        split=split,
        image=out.getvalue(),
    )


def blob_corpus(
    uri: str,
    world: str,
    rows: int,
    *,
    test: int = 0,
    splits: bool = True,
    honest: bool = True,
    shard: int = 40,
) -> Corpus:
    """A corpus of `rows` films, the last `test` of them in the test split."""
    storage, made = Storage.at(uri), []
    for index in range(rows):
        split = ("test" if index >= rows - test else "train") if splits else None
        made.append(blob_row(index, world, split, honest))
    units = -(-rows // shard)
    for unit in range(units):
        table = table_from_rows(made[unit * shard : (unit + 1) * shard])
        commit_shard(storage, unit, encode_shard(table, "plan", unit, ()))
    return finish_corpus(storage, world, units, "plan", "CC0-1.0", {"source": world})
