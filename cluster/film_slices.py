"""Which films of a corpus are measured, and the slices in which they go to the extractors."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cluster.codec import decode_image
from cluster.corpus import Corpus
from diffcxr.errors import InputError
from eval.groups import film_keys, patient_hashes

REAL, SYNTHETIC = "real", "synthetic"
RIVAL = "rival"
"""Synthetic films of another corpus, which are measured to be compared."""
REFERENCE = "reference"
"""Further real films, from which distances are taken too."""
VALIDATION = "validation"
"""Real films on which thresholds are chosen; measured in no other way."""
SLICE = 128
"""Films a slice: small enough to fit anywhere, large enough that a slice's overhead is nothing."""
_READERS = 16  # columns of ids are small: latency is what their reading costs


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of a corpus that are measured; None takes every split."""

    corpus: Corpus
    split: str | None = None

    @property
    def name(self) -> str:
        """How the selection is called in a score."""
        return f"{self.corpus.name}, {self.split}" if self.split else self.corpus.name

    def read(self, shard: int, columns: Sequence[str]) -> pa.Table:
        """The selected rows of a shard, with those columns and `split`."""
        table = self.corpus.read(shard, [*columns, "split"])
        return table if self.split is None else table.filter(pc.equal(table["split"], self.split))

    def count(self) -> int:
        """How many rows are selected; reads no column but `split`."""
        if self.split is None:
            return self.corpus.rows
        with ThreadPoolExecutor(_READERS) as readers:
            found = readers.map(lambda shard: self.read(shard, []).num_rows, range(len(self.corpus.shards)))
            return sum(found)


@dataclass(frozen=True, slots=True, eq=False)
class Census:
    """Who is on the selected films, a pair of arrays (n,) a shard."""

    patients: tuple[NDArray[np.uint64], ...]
    keys: tuple[NDArray[np.uint64], ...]

    @property
    def films(self) -> int:
        return sum(map(len, self.keys))


@dataclass(frozen=True, slots=True, eq=False)
class FilmSlice:
    """At most SLICE consecutive selected films of a shard."""

    number: int  # among all slices of an evaluation, in their order
    side: str  # REAL, SYNTHETIC, RIVAL, REFERENCE or VALIDATION
    name: str  # the same for the same films in any corpus folder; what caches go by
    patients: NDArray[np.uint64]  # (n,)
    keys: NDArray[np.uint64]  # (n,)
    labels: tuple[dict[str, int | None] | None, ...]
    images: tuple[bytes | None, ...]  # empty where no image is needed
    texts: tuple[str, ...] = ()  # of the reports; empty where none is needed


def take_census(selection: Selection) -> Census:
    """Reads ids, and no images. Raises InputError where the selection is empty or the corpus has no films."""
    corpus = selection.corpus
    if corpus.shards and not any(entry.rows for entry in corpus.shards):
        raise InputError("the corpus has no rows", corpus.uri, "Give one with films.")

    def one(shard: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        return identify(selection.read(shard, ["report_id", "sample_index", "patient_id"]))

    with ThreadPoolExecutor(_READERS) as readers:
        found = list(readers.map(one, range(len(corpus.shards))))
    census = Census(tuple(patients for patients, _ in found), tuple(keys for _, keys in found))
    if not census.films:
        where, split = corpus.uri, selection.split
        raise InputError(f"no film in split {split}" if split else "the corpus has no rows", where)
    first = next(shard for shard, keys in enumerate(census.keys) if len(keys))
    images = selection.read(first, ["image"])["image"]
    if images.null_count == len(images):
        raise InputError("the corpus has reports only, no films", corpus.uri, "Give one with images.")
    return census


def first_films(
    selection: Selection,
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
    """For each film (n,): its key, that of the first film of its report, and its sample's index."""

    def one(shard: int) -> pa.Table:
        return selection.read(shard, ["report_id", "sample_index"])

    with ThreadPoolExecutor(_READERS) as readers:
        table = pa.concat_tables(readers.map(one, range(len(selection.corpus.shards))))
    reports, samples = table["report_id"].to_pylist(), table["sample_index"].to_pylist()
    return film_keys(reports, samples), film_keys(reports, [0] * len(reports)), np.array(samples, np.int64)


def identify(table: pa.Table) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The patient and the key (n,) of each row."""
    reports = table["report_id"].to_pylist()
    patients = patient_hashes(table["patient_id"].to_pylist(), reports)
    return patients, film_keys(reports, table["sample_index"].to_pylist())


def slice_names(selection: Selection, shard: int, films: int) -> list[str]:
    """The names of the slices of a shard with so many selected films."""
    digest = selection.corpus.shards[shard].digest
    return [f"{digest[:32]}-{selection.split or 'all'}-{start:06d}" for start in range(0, films, SLICE)]


def read_slices(
    selection: Selection, side: str, shard: int, first: int, images: bool, texts: bool = False
) -> list[FilmSlice]:
    """The slices of a shard, numbered from `first`; `images` and `texts` only where they are needed."""
    wanted = [name for name, needed in (("image", images), ("text", texts)) if needed]
    columns = ["report_id", "sample_index", "patient_id", "labels", *wanted]
    table = selection.read(shard, columns)
    patients, keys = identify(table)
    labels = table["labels"].to_pylist()
    films: list[dict[str, Any] | None] = table["image"].to_pylist() if images else []
    said: list[str] = table["text"].to_pylist() if texts else []
    slices = []
    for index, name in enumerate(slice_names(selection, shard, table.num_rows)):
        part = slice(index * SLICE, (index + 1) * SLICE)
        slices.append(
            FilmSlice(
                number=first + index,
                side=side,
                name=name,
                patients=patients[part],
                keys=keys[part],
                labels=tuple(labels[part]),
                images=tuple((film or {}).get("bytes") for film in films[part]),
                texts=tuple(said[part]),
            )
        )
    return slices


def decode_films(images: Sequence[bytes | None]) -> list[NDArray[np.uint8] | None]:
    """Grey films (h, w) of PNG, JPEG or WebP bytes; None for one that is missing, damaged or too large."""

    def one(data: bytes | None) -> NDArray[np.uint8] | None:
        if data is None:
            return None
        try:
            film = decode_image(data)
        except InputError:  # counted by the caller: one bad file does not end an evaluation of a million
            return None
        if film.ndim == 3:
            weights = np.array([0.299, 0.587, 0.114])  # ITU-R 601, as Pillow's convert("L")
            film = (film @ weights).round().astype(np.uint8)
        return film

    return [one(data) for data in images]
