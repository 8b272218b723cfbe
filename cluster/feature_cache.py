"""Features of film slices and their reports, by extractor digest: no film is ever extracted twice."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cluster.storage import Storage
from diffcxr.errors import InputError
from eval.features.extractor import Extractor, Reader


@dataclass(frozen=True, slots=True, eq=False)
class SliceFeatures:
    """The features of those films of a slice that could be read."""

    readable: NDArray[np.int64]  # (m,): their places in the slice
    features: NDArray[np.float32]  # (m, d)


@dataclass(frozen=True, slots=True)
class FeatureCache:
    """A folder of one object a slice and extractor, created once."""

    storage: Storage

    @classmethod
    def at(cls, uri: str | None, output: Storage) -> FeatureCache:
        """The cache at a URI; without one, that in the output of an evaluation."""
        return cls(output.child("features") if uri is None else Storage.at(uri))

    def names(self, extractors: Sequence[Extractor]) -> set[str]:
        """The slices of which every one of the extractors' features are here."""
        held = [
            {
                stored.path.rpartition("/")[2].removesuffix(".parquet")
                for stored in self.storage.list(_folder(extractor))
            }
            for extractor in extractors
        ]
        return set.intersection(*held) if held else set()

    def read(self, extractor: Extractor | Reader, name: str) -> SliceFeatures | None:
        """A slice's features, or None where they are not here. Raises InputError where they are damaged."""
        path = _path(extractor, name)
        if not self.storage.exists(path):
            return None
        try:
            table = pq.read_table(pa.BufferReader(self.storage.read(path)), page_checksum_verification=True)
            features = table["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
            found = SliceFeatures(
                table["film"].to_numpy().astype(np.int64),
                features.reshape(table.num_rows, extractor.dimension).astype(np.float32, copy=False),
            )
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            where = self.storage.child(path).uri
            raise InputError("cached features cannot be read", where, "Delete the object.") from error
        return found

    def write(self, extractor: Extractor | Reader, name: str, found: SliceFeatures) -> None:
        """Keeps them, unless another worker was first: its features are the same."""
        flat = pa.array(found.features.reshape(-1), pa.float32())
        table = pa.table(
            {
                "film": pa.array(found.readable, pa.int64()),
                "features": pa.FixedSizeListArray.from_arrays(flat, extractor.dimension),
            }
        )
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="none", write_page_checksum=True)
        self.storage.create(_path(extractor, name), sink.getvalue())


def _folder(extractor: Extractor | Reader) -> str:
    return f"{extractor.name}-{extractor.digest.removeprefix('sha256:')[:16]}"


def _path(extractor: Extractor | Reader, name: str) -> str:
    return f"{_folder(extractor)}/{name}.parquet"
