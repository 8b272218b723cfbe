"""A corpus as training sees it: films, texts and labels as arrays."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL
import torch
from numpy.typing import NDArray
from PIL import Image

from cluster.codec import decode_image
from cluster.corpus import Corpus
from cluster.tensor_cache import cached_tensors
from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14, truth_of

Watch = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Opens, for so many films, what is told how many more of them are decoded."""

# What else decides a film's pixels: the number goes up where `decode_film` comes to make others.
_DECODING = f"1, Pillow {PIL.__version__}"
_BESIDE_FILMS = [
    "report_id",
    "sample_index",
    "text",
    "labels",
    "view",
    "split",
    "image.path",  # not the bytes: only whether there may be any
]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """n films with their reports; one row of each is one film."""

    films: NDArray[np.uint8]  # (n, size, size)
    texts: list[str]
    labels: NDArray[np.int8]  # (n, 14), as `truth_of` has them: no loss counts -1
    digest: str  # SHA-256 of all that decides the films: where it is equal, so are they

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
            digest=_digest({"films": self.digest, "kept": kept}),
        )


@dataclass(frozen=True, slots=True)
class _Row:
    """What a row of the corpus says beside its film, and where it stands."""

    shard: int
    place: int  # in the shard
    text: str
    labels: dict[str, int | None] | None


def read_training_data(
    corpus: Corpus,
    split: str | None = "train",
    size: int = 128,
    removed: Set[tuple[str, int]] = frozenset(),
    views: Collection[str] = (),
    watch: Watch = lambda _: nullcontext(lambda _: None),
) -> TrainingData:
    """The films of one split (None: all) at `size` pixels, in the corpus's order.

    `removed` holds the (report_id, sample_index) of films to leave out; of other `views` than these, if any
    are given, films are left out too. What they decode to is kept in the node's cache and mapped from there,
    so that a later worker reads no image; `watch` is entered only where they are decoded.

    Raises InputError where there are none, and where one is damaged.
    """
    rows = _choose_rows(corpus, split, removed, views)
    digest = _digest(
        {
            "corpus": corpus.digest,
            "rows": [(row.shard, row.place) for row in rows],
            "size": size,
            "decoding": _DECODING,
        }
    )

    def decode() -> dict[str, torch.Tensor]:
        with watch(len(rows)) as on_films:
            return _decode_films(corpus, rows, size, on_films)

    films = cached_tensors({"films": digest}, decode) if rows else {}
    if not films or not len(films["films"]):
        of = f"no films in split {split}" if split else "no films"
        of += f" of views {', '.join(views)}" if views else ""
        raise InputError(
            of, corpus.uri, "Choose another split (split=null takes all rows) or another corpus."
        )
    shown = list(itertools.compress(rows, films["shown"].tolist()))
    return TrainingData(
        films=films["films"].numpy(),
        texts=[row.text for row in shown],
        labels=truth_of([row.labels for row in shown], CHEXPERT_14),
        digest=digest,
    )


def _choose_rows(
    corpus: Corpus, split: str | None, removed: Set[tuple[str, int]], views: Collection[str]
) -> list[_Row]:
    """The rows that are asked for, and may have films."""
    return [
        _Row(
            shard=shard,
            place=place,
            text=row["text"],
            labels=row["labels"],
        )
        for shard, table in enumerate(corpus.tables(_BESIDE_FILMS))
        for place, row in enumerate(table.to_pylist())
        if row["image"] is not None and split in (None, row["split"])
        if (row["report_id"], row["sample_index"]) not in removed and (not views or row["view"] in views)
    ]


def _decode_films(
    corpus: Corpus, rows: Sequence[_Row], size: int, on_films: Callable[[int], None]
) -> dict[str, torch.Tensor]:
    """`films` (n, size, size), and which of the rows they are of, `shown` (rows,): one may have no bytes.

    Only the images of shards with such rows are read, a shard's at a time.
    """
    films = np.empty((len(rows), size, size), np.uint8)  # one array: a list of all, stacked, is two of them
    shown: list[bool] = []
    count = 0
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # Pillow decodes and resizes without the GIL
        for shard, those in itertools.groupby(rows, lambda row: row.shard):
            table = corpus.read(shard, ["report_id", "sample_index", "image"])
            images = table.take([row.place for row in those]).to_pylist()
            have = [bool(row["image"]["bytes"]) for row in images]
            on_films(have.count(False))
            decoded = pool.map(lambda row: film_of(row, size, corpus.uri), itertools.compress(images, have))
            for film in decoded:
                films[count] = film
                count += 1
                on_films(1)
            shown += have
    return {"films": torch.from_numpy(films[:count]), "shown": torch.tensor(shown)}


def _digest(value: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


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
