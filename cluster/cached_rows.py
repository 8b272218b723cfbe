"""The features that an evaluation left in its cache, read again in the order of the corpus."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from cluster.feature_cache import FeatureCache
from cluster.film_slices import SLICE, Census, Selection, slice_names
from diffcxr.errors import InputError
from eval.feature_rows import FeatureRows, merge_all
from eval.features.extractor import Extractor

_READERS = 16  # slices read at once, and handed on together: no more is ever held


def cached_rows(
    selection: Selection, census: Census, extractor: Extractor, cache: FeatureCache
) -> Iterator[FeatureRows]:
    """The rows of all films that could be read, _READERS slices at a time.

    Raises InputError where a slice is missing or damaged.
    """
    places = [
        (shard, number, name)
        for shard, keys in enumerate(census.keys)
        for number, name in enumerate(slice_names(selection, shard, len(keys)))
    ]

    def read(place: tuple[int, int, str]) -> FeatureRows:
        shard, number, name = place
        found = cache.read(extractor, name)
        if found is None:
            fix = "Run the same command again."
            raise InputError("cached features vanished", cache.storage.uri, fix)
        at = number * SLICE + found.readable
        return FeatureRows(found.features, census.patients[shard][at], census.keys[shard][at])

    with ThreadPoolExecutor(_READERS) as readers:
        for first in range(0, len(places), _READERS):
            parts = readers.map(read, places[first : first + _READERS])
            yield merge_all(parts, extractor.dimension)
