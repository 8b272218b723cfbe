"""Small corpora of invented reports, for what generates from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cluster.corpus import Corpus, finish_corpus
from cluster.schema import table_from_rows
from cluster.shard import commit_shard, encode_shard
from cluster.storage import Storage
from diffcxr.sources.row import Row


def reports_corpus(
    uri: str | Path, reports: int = 10, shard_rows: int = 4, texts: Mapping[int, str] | None = None
) -> Corpus:
    """A corpus of `reports` reports at `uri`; every third study has a second film, which is no prompt.

    `texts` replaces the text of reports by their numbers.
    """
    rows = []
    for number in range(reports):
        text = f"Invented report number {number}. The lungs are clear."
        report = Row(
            report_id=f"study-{number:03d}",
            patient_id=f"patient-{number // 2}",
            text=(texts or {}).get(number, text),
            impression="Nothing new.",
            view="PA",
            split="test",
        )
        rows.append(report)
        if number % 3 == 0:
            rows.append(Row(report_id=report.report_id, sample_index=1, text=report.text, view="LATERAL"))
    storage = Storage.at(uri)
    units = -(-len(rows) // shard_rows)
    for unit in range(units):
        table = table_from_rows(rows[unit * shard_rows : (unit + 1) * shard_rows])
        commit_shard(storage, unit, encode_shard(table, "made-for-a-test", unit))
    return finish_corpus(storage, "invented", units, "made-for-a-test", "CC0-1.0", {"made": "for a test"})
