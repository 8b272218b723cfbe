"""The films that a filtering removed, as it has written them."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq

from cluster.corpus import Corpus
from cluster.run_record import read_record
from cluster.storage import Storage
from cluster.storage_errors import MissingError
from diffcxr.errors import InputError

SCORES_PATH = "scores.parquet"
ROUNDS_PATH = "rounds.json"
EXAMPLES_PATH = "examples.json"  # not Parquet: a few nested rows, read whole, by a page or by a person

Key = tuple[str, int]  # report_id, sample_index


@dataclass(frozen=True)
class Removed:
    """The films that a filtering removed; a corpus less these is its filtered view."""

    films: frozenset[Key]

    @classmethod
    def nothing(cls) -> Removed:
        return cls(frozenset())

    @classmethod
    def read(cls, output: Storage, corpus: Corpus) -> Removed:
        """Those of the filtering of `corpus` in the folder `output`; InputError where there is none."""
        where = output.child(SCORES_PATH).uri
        record = read_record(output.child("training/filter"))
        if record is not None and record.plan.get("corpus") != corpus.digest:
            fix = "Filter the corpus that is trained on."
            raise InputError("the filter is of another corpus", output.uri, fix)
        try:
            data = output.read(SCORES_PATH)
        except MissingError as error:
            fix = "Make them with `diffcxr train stage=filter`."
            raise InputError("no scores of films here", where, fix) from error
        try:
            table = pq.read_table(io.BytesIO(data), columns=["report_id", "sample_index", "removed"])
        except (pa.ArrowException, OSError) as error:
            raise InputError("the scores cannot be read", where, "Filter the corpus again.") from error
        return cls(
            frozenset((row["report_id"], row["sample_index"]) for row in table.to_pylist() if row["removed"])
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of which films they are."""
        return hashlib.sha256(json.dumps(sorted(self.films)).encode()).hexdigest()
