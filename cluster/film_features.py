"""What a corpus's films look like to an autoencoder, made a shard at a time and kept until all are there."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from cluster.corpus import Corpus
from cluster.filtering import FilmFeatures
from cluster.run_record import RunRecord, create_or_resume
from cluster.storage import Storage
from cluster.storage_errors import MissingError
from cluster.training_data import film_of
from diffcxr.errors import IncompleteError, InputError
from diffcxr.filtering.features import latent_features
from diffcxr.kl_autoencoder import Autoencoder
from diffcxr.precision import precision
from diffcxr.training.autoencoder import encode_films


def read_features(
    corpus: Corpus, number: int, autoencoder: Autoencoder, size: int, views: Collection[str] = ()
) -> FilmFeatures:
    """The films of shard `number`, of all splits, at `size` pixels, in its order.

    Rows without a film are passed over, and so are those of other `views` than these, if any are given.
    Raises InputError for a damaged film, and for one that is beyond the autoencoder.
    """
    table = corpus.read(number, ["report_id", "sample_index", "view", "image"])
    rows = [
        row
        for row in table.to_pylist()
        if row["image"] and row["image"]["bytes"] and (not views or row["view"] in views)
    ]
    if not rows:
        return FilmFeatures([], np.empty((0, 0), np.float32))
    films = np.stack([film_of(row, size, corpus.uri) for row in rows])
    keys = [(row["report_id"], row["sample_index"]) for row in rows]
    features = latent_features(encode_films(autoencoder, films))
    strange = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(strange):  # one of them would leave no film with a score
        report_id, sample_index = keys[strange[0]]
        where = f"{corpus.uri}, film {sample_index} of {report_id}"
        fix = "Look at it, and leave it out of the corpus, or choose another autoencoder."
        raise InputError("the autoencoder makes no finite latent of a film", where, fix)
    return FilmFeatures(keys, features)


@dataclass(frozen=True, slots=True)
class KeptFeatures:
    """A folder of one object a shard, created once."""

    storage: Storage

    def claim(self, settings: Mapping[str, object], device: torch.device) -> None:
        """Keep what a device computes for a run of these settings, and nothing else, here.

        Raises RefusedError where the folder holds what another kind of processor, or another run, computed:
        last bits of features differ, and decide of films.
        """
        computed = {"device": device.type, "precision": precision(device.type)}
        create_or_resume(self.storage, RunRecord(pixels=computed, plan=settings))

    def missing(self, shards: int) -> list[int]:
        """Those of shards 0 .. `shards`-1 that are not here."""
        here = {stored.path for stored in self.storage.list()}
        return [number for number in range(shards) if _path(number) not in here]

    def write(self, number: int, films: FilmFeatures) -> None:
        """Keeps them, unless another worker was first: its features are the same."""
        table = pa.table(
            {
                "report_id": pa.array([report_id for report_id, _ in films.keys], pa.string()),
                "sample_index": pa.array([sample_index for _, sample_index in films.keys], pa.int32()),
                "features": pa.array(list(films.features), pa.list_(pa.float32())),
            }
        )
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="none", write_page_checksum=True)
        self.storage.create(_path(number), sink.getvalue())

    def read(self, number: int) -> FilmFeatures:
        """A shard's. Raises IncompleteError where they are not here, InputError where they are damaged."""
        where = self.storage.child(_path(number)).uri
        try:
            data = self.storage.read(_path(number))
            table = pq.read_table(pa.BufferReader(data), page_checksum_verification=True)
            keys = list(zip(table["report_id"].to_pylist(), table["sample_index"].to_pylist(), strict=True))
            flat = table["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
            features = flat.reshape(len(keys), len(flat) // max(1, len(keys)))
        except MissingError as error:
            raise IncompleteError(
                "a shard's features are gone", where, "Run the same command again."
            ) from error
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            fix = "Delete the object, and run the same command again."
            raise InputError("a shard's features cannot be read", where, fix) from error
        return FilmFeatures(keys, features)

    def delete(self) -> None:
        """Removes all that is here; quiet where there is nothing."""
        for stored in self.storage.list():
            self.storage.delete(stored.path)


def _path(number: int) -> str:
    return f"{number:05d}.parquet"
