"""A corpus as training sees it: films, texts and labels as arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cluster.codec import decode_image
from cluster.corpus import Corpus
from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14


@dataclass(frozen=True, slots=True)
class TrainingData:
    """n films with their reports; one row of each is one film."""

    films: NDArray[np.uint8]  # (n, size, size)
    texts: list[str]
    labels: NDArray[np.int8]  # (n, 14): 1, 0 (unmentioned too), and -1 which no loss counts
    patients: list[str]

    def with_texts(self, where: str) -> TrainingData:
        """Those whose report has a text. Raises InputError, of the corpus `where`, if there is none."""
        kept = [row for row, text in enumerate(self.texts) if text.strip()]
        if not kept:
            raise InputError("no film has a report text", where, "This stage learns from reports.")
        if len(kept) == len(self.texts):
            return self
        return TrainingData(
            films=self.films[kept],
            texts=[self.texts[row] for row in kept],
            labels=self.labels[kept],
            patients=[self.patients[row] for row in kept],
        )


@dataclass(frozen=True, slots=True)
class _Shard:
    films: list[NDArray[np.uint8]]
    texts: list[str]
    labels: list[list[int]]
    patients: list[str]


def read_training_data(
    corpus: Corpus,
    split: str | None = "train",
    size: int = 128,
    removed: Set[tuple[str, int]] = frozenset(),
    views: Collection[str] = (),
) -> TrainingData:
    """The films of one split (None: all) at `size` pixels, in the corpus's order.

    `removed` holds the (report_id, sample_index) of films to leave out; of other `views` than these, if any
    are given, films are left out too.

    Raises InputError where there are none.
    """
    shards = list(_read_shards(corpus, split, size, removed, views))
    films = [film for shard in shards for film in shard.films]
    if not films:
        of = f"no films in split {split}" if split else "no films"
        of += f" of views {', '.join(views)}" if views else ""
        raise InputError(
            of, corpus.uri, "Choose another split (split=null takes all rows) or another corpus."
        )
    return TrainingData(
        films=np.stack(films),
        texts=[text for shard in shards for text in shard.texts],
        labels=np.array([row for shard in shards for row in shard.labels], np.int8),
        patients=[patient for shard in shards for patient in shard.patients],
    )


def _read_shards(
    corpus: Corpus, split: str | None, size: int, removed: Set[tuple[str, int]], views: Collection[str]
) -> Iterator[_Shard]:
    columns = ["report_id", "sample_index", "patient_id", "text", "labels", "view", "split", "image"]
    for number in range(len(corpus.shards)):
        rows = [
            row
            for row in corpus.read(number, columns=columns).to_pylist()
            if row["image"] and row["image"]["bytes"] and split in (None, row["split"])
            if (row["report_id"], row["sample_index"]) not in removed and (not views or row["view"] in views)
        ]
        yield _Shard(
            films=[film_of(row, size, corpus.uri) for row in rows],
            texts=[row["text"] for row in rows],
            labels=[[(row["labels"] or {}).get(name) or 0 for name in CHEXPERT_14] for row in rows],
            patients=[row["patient_id"] or row["report_id"] for row in rows],
        )


def film_of(row: Mapping[str, Any], size: int, where: str) -> NDArray[np.uint8]:
    """The film (size, size) of a corpus row. Raises InputError, with its name, where it is damaged."""
    try:
        return decode_film(row["image"]["bytes"], size)
    except InputError as error:
        name = f"film {row['sample_index']} of {row['report_id']}"
        raise InputError(error.what, f"{where}, {name}", error.fix) from error


def decode_film(data: bytes, size: int) -> NDArray[np.uint8]:
    """A film (size, size) in grey of PNG, JPEG or WebP bytes. Raises InputError where they are damaged."""
    film = Image.fromarray(decode_image(data)).convert("L")
    if film.size != (size, size):
        shrinks = min(film.size) > size
        film = film.resize((size, size), Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC)
    return np.asarray(film)
