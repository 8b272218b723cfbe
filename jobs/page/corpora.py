"""Corpora whose films a page shows: found by their digest, and read no further than needed."""

from __future__ import annotations

from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor

from cluster.corpus import Corpus
from cluster.removed_films import Key
from diffcxr.errors import DiffCXRError, InputError

_READERS = 16  # of the columns that say where films lie: latency, not bandwidth, is what they cost


def find_corpus(digest: str, place: str | None, corpora: Sequence[Corpus]) -> Corpus:
    """The corpus of that digest, among `corpora` or where it lay. Raises InputError where there is none."""
    for corpus in corpora:
        if corpus.digest == digest:
            return corpus
    fix = "Name it by real=URI."
    if place is None:
        raise InputError("the corpus is not at hand", digest, fix)
    try:
        corpus = Corpus.open(place)
    except DiffCXRError as error:
        raise InputError(error.what, error.where, fix) from error
    if corpus.digest != digest:
        raise InputError("another corpus lies where it lay", place, fix)
    return corpus


def read_films(corpus: Corpus, wanted: Set[Key]) -> dict[Key, bytes]:
    """The wanted films' bytes; what the corpus lacks is left out.

    Of shards, only those that hold one are read whole: as many as films are wanted, at most. Raises
    InputError where one is damaged.
    """

    def rows_of(number: int) -> dict[int, Key]:
        keys = zip(*corpus.read(number, ["report_id", "sample_index"]).to_pydict().values(), strict=True)
        return {row: key for row, key in enumerate(keys) if key in wanted}

    with ThreadPoolExecutor(_READERS) as pool:
        places = list(pool.map(rows_of, range(len(corpus.shards))))
    films: dict[Key, bytes] = {}
    for number, rows in enumerate(places):
        if rows:
            images = corpus.read(number, ["image"]).column("image")
            films |= {key: (images[row].as_py() or {}).get("bytes") or b"" for row, key in rows.items()}
    return films
