"""Corpora of reports for benchmarks that draw no films of them: of any size, within seconds."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from cluster.corpus import Corpus, finish_corpus
from cluster.schema import ROW_SCHEMA, table_from_rows
from cluster.shard import commit_shard, encode_shard
from cluster.storage import Storage
from diffcxr.sources.phantom import phantom_rows

DRAWN = 1000
"""Reports of the embedded world that are drawn; more are these over and over, under ids of their own."""


def write_reports(uri: str, reports: int, shard_rows: int) -> Corpus:
    """A corpus of so many reports at `uri`, `shard_rows` in each shard."""
    rows = phantom_rows(min(DRAWN, reports), seed=11, images=False)
    drawn = table_from_rows([replace(row, truth=None) for row in rows])  # other people's reports have none
    storage = Storage.at(uri)
    units = -(-reports // shard_rows)
    for unit in range(units):
        numbers = range(unit * shard_rows, min((unit + 1) * shard_rows, reports))
        table = drawn.take(pa.array([number % DRAWN for number in numbers]))
        ids = {"report_id": [f"r{n:08d}" for n in numbers], "patient_id": [f"p{n:08d}" for n in numbers]}
        for name, values in ids.items():
            field = ROW_SCHEMA.field(name)
            table = table.set_column(ROW_SCHEMA.names.index(name), field, pa.array(values, field.type))
        commit_shard(storage, unit, encode_shard(table, "reports", unit))
    return finish_corpus(storage, "reports", units, "reports", "CC0-1.0", {"made": "for a benchmark"})
