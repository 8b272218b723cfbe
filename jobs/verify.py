"""`diffcxr verify`: is every shard of a corpus whole, and every sample there exactly once?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.compute as pc

from cluster.corpus import Corpus
from cluster.storage import Storage
from cluster.verification import Inventory, Tally, check_shards, take_inventory
from diffcxr.errors import IncompleteError, InputError
from jobs.command import main
from jobs.options import option, required
from jobs.progress import Progress, progress
from jobs.summary import Summary

SHOWN = 20  # problems on the screen; the counts say how many there are


@dataclass(kw_only=True)
class Config:
    output: str = required(help="URI or path of the corpus, generated or real")
    decode: bool = option(False, help="decode every image whole, rather than look at its header")
    corpus: str | None = option(
        None, help="the corpus it was generated from: compares the ids of its reports"
    )


def run(config: Config) -> Summary:
    """Reads every shard; exit 2 where something is damaged, 3 where something is not there yet."""
    inventory = take_inventory(Storage.at(config.output))
    reports = None if config.corpus is None else _planned_reports(inventory, config.corpus)
    tally = Tally()
    each = inventory.planned("samples_per_report")
    meter: Progress[None] = progress(total=inventory.units, unit="shards", desc="verify")
    with meter as bar:
        for check in check_shards(inventory, config.decode):
            tally.add(check, each)
            bar.update()
    tally.finish(inventory, reports)
    return _summary(inventory, tally)


def _planned_reports(inventory: Inventory, uri: str) -> Iterator[str]:
    """The ids that the run was to use: the parent's, one a study, as far as the run's limit."""
    parent = Corpus.open(uri)
    record = inventory.record
    expected = (
        None if record is None else record.pixels.get("corpus_digest", record.plan.get("corpus_digest"))
    )
    if expected is not None and expected != parent.digest:
        raise InputError("not the corpus that the run was made from", parent.uri, "Its digest differs.")
    left = None if inventory.is_selection else inventory.planned("limit")
    for table in parent.tables(["report_id", "sample_index"]):
        ids = table.filter(pc.equal(table["sample_index"], 0))["report_id"].to_pylist()
        yield from ids if left is None else ids[:left]
        left = None if left is None else max(0, left - len(ids))


def _summary(inventory: Inventory, tally: Tally) -> Summary:
    shards = inventory.units - len(tally.missing)
    finished = inventory.corpus is not None
    values = {
        "output": inventory.storage.uri,
        "finished": finished,
        "shards": shards,
        "shards_missing": len(tally.missing),
        "rows": tally.rows,
        "rejected": tally.rejects,
        "damage": tally.damage,
    }
    table: list[list[object]] = [["shards", shards], ["rows", tally.rows], ["rejected", tally.rejects]]
    table += [["missing", path] for path in tally.missing[:SHOWN]]
    table += [["damaged", line] for line in tally.damage[:SHOWN]]
    where = inventory.storage.uri
    if tally.damage:
        error: InputError | IncompleteError = InputError(
            f"damaged, {len(tally.damage)} problems, the first: {tally.damage[0]}",
            where,
            "Restore what is damaged, or make the corpus again in another place.",
        )
    elif tally.missing and finished:
        error = InputError(
            f"damaged, {len(tally.missing)} shards are gone, the first: {tally.missing[0]}",
            where,
            "Restore them, or make the corpus again in another place.",
        )
    elif not finished:
        error = IncompleteError(
            f"incomplete, {shards} shards are there"
            + (f" and {len(tally.missing)} not" if tally.missing else ""),
            where,
            "Run the command that began it again: it goes on from there.",
        )
    else:
        table.append(["verified", "every shard is whole, every sample is there once"])
        return Summary(values=values, table=table)
    return Summary(values=values, table=table, exit_code=error.exit_code, note=str(error))


if __name__ == "__main__":
    sys.exit(main(["verify", *sys.argv[1:]]))
