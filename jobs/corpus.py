"""`diffcxr corpus`: a data set on a disk or in a bucket, or the embedded world, becomes a corpus."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from cluster.corpus import MANIFEST_PATH, Corpus, finish_corpus, refuse_foreign_views
from cluster.ingest import commit_batch, committed_rows, cut_units
from cluster.run_record import RunRecord, create_or_resume, read_record
from cluster.storage import Storage
from cluster.storage_errors import on_the_way
from cluster.union import union_creators, union_licence, union_provenance
from diffcxr.errors import InputError, RefusedError
from diffcxr.sources.row import Reject, Row
from jobs.command import main
from jobs.options import nested, option, required
from jobs.progress import Progress, progress
from jobs.source import LICENCES, Source, SourceConfig
from jobs.summary import Summary

_SYNTHETIC = {"synthetic": "true"}  # a shard says so of itself, as those of `generate` do


@dataclass(kw_only=True)
class Config:
    source: SourceConfig = nested(SourceConfig)
    output: str = required(help="URI or path of the corpus to make")
    shard_rows: int = option(1000, help="rows a shard, at most", min=1, max=1_000_000)
    workers: int = option(2, help="phantom: processes that draw; rows do not depend on it", min=1, max=256)
    name: str | None = option(None, help="the corpus's name; default: the source's")
    licence: str | None = option(None, help="the licence of its rows; default: the source's")


def run(config: Config) -> Summary:
    """Makes the corpus, or goes on with it where it was interrupted."""
    storage = Storage.at(config.output)
    source = Source.open(config.source, storage)
    record = _record(config, source)
    begun = read_record(storage) is not None
    if storage.exists(MANIFEST_PATH):
        if not begun:
            raise RefusedError("the output holds another corpus", storage.uri, "Choose a new output.")
        create_or_resume(storage, record)
        return _summary(Corpus.open(storage), config)
    refuse_foreign_views(storage)
    storage.check_writable()

    units = rows = 0
    if begun:
        record = create_or_resume(storage, record)
        if config.source.name == "phantom":  # the embedded world can be entered at any row
            units, rows = committed_rows(storage, record)
    items = source.items(rows, config.workers)
    if not begun:
        items = _with_a_row(items, config)
        record = create_or_resume(storage, record)

    meter: Progress[None] = progress(total=config.source.rows, unit="rows", desc="corpus", initial=rows)
    with meter as bar:
        for batch in cut_units(_counted(items, bar), config.shard_rows, first=units):
            with on_the_way():
                commit_batch(storage, record, batch, _SYNTHETIC if source.is_synthetic else None)
            units = batch.unit + 1
    provenance = {**record.pixels, **source.provenance(), "diffcxr": record.stack.get("diffcxr")}
    corpora = source.corpora
    with on_the_way():
        corpus = finish_corpus(
            storage,
            name=str(record.plan["name"]),
            units=units,
            plan_hash=record.plan_hash,
            licence=str(record.plan["licence"]),
            provenance=provenance | (union_provenance(corpora) if corpora else {}),
            creators=union_creators(corpora) if corpora else source.creators,
        )
    return _summary(corpus, config)


def _record(config: Config, source: Source) -> RunRecord:
    plan = {
        "rows": config.source.rows,
        "shard_rows": config.shard_rows,
        "name": config.name or config.source.name,
        "licence": config.licence or LICENCES[config.source.name] or union_licence(source.corpora),
    }
    stack = {name: importlib.metadata.version(name) for name in ("diffcxr", "pyarrow", "pillow", "numpy")}
    return RunRecord(source.identity(), plan, stack)


def _counted(items: Iterator[Row | Reject], bar: Progress[None]) -> Iterator[Row | Reject]:
    rejected = 0
    for item in items:
        if isinstance(item, Row):
            bar.update()
        else:
            rejected += 1
            bar.note(f"{rejected} rejected")
        yield item


def _with_a_row(items: Iterator[Row | Reject], config: Config) -> Iterator[Row | Reject]:
    """The same items; raises InputError, before anything is written, where there is no row among them."""
    head: list[Row | Reject] = []
    for item in items:
        head.append(item)
        if isinstance(item, Row):
            return chain(head, items)
    reasons = sorted({item.reason for item in head if isinstance(item, Reject)})
    what = f"no rows, and {len(head)} rejected ({', '.join(reasons)})" if head else "no rows"
    fix = "Check source.root and the set's layout."
    if config.source.reports is not None:
        fix += " If the films' ids are not the reports', say how to read them (source.pattern)."
    raise InputError(what, config.source.root or config.source.name, fix)


def _summary(corpus: Corpus, config: Config) -> Summary:
    rejected = sum(corpus.rejects.values())
    values = {
        "output": corpus.uri,
        "name": corpus.name,
        "rows": corpus.rows,
        "rejected": rejected,
        "rejects": dict(corpus.rejects),
        "shards": len(corpus.shards),
        "digest": corpus.digest,
    }
    table: list[list[object]] = [["rows", corpus.rows], ["rejected", rejected]]
    table += [[f"  {reason}", count] for reason, count in corpus.rejects.items()]
    table += [["shards", len(corpus.shards)], ["corpus", corpus.uri]]
    return Summary(values=values, table=table, output=config.output)


if __name__ == "__main__":
    sys.exit(main(["corpus", *sys.argv[1:]]))
