"""`diffcxr corpus`: a data set on a disk or in a bucket, or the embedded world, becomes a corpus."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import cast, get_args

from cluster.corpus import MANIFEST_PATH, Corpus, finish_corpus
from cluster.ingest import commit_batch, committed_rows, cut_units
from cluster.run_record import RunRecord, create_or_resume, read_record
from cluster.source_files import source_digest, source_files
from cluster.storage import Storage
from cluster.storage_errors import on_the_way
from cluster.union import union_creators, union_items, union_licence, union_provenance
from diffcxr.errors import InputError, RefusedError
from diffcxr.sources.chexpert import chexpert_rows
from diffcxr.sources.files import Files
from diffcxr.sources.iu_xray import iu_xray_rows
from diffcxr.sources.mimic_cxr import LabelSource, mimic_cxr_rows
from diffcxr.sources.nih_cxr14 import nih_cxr14_rows
from diffcxr.sources.row import Reject, Row
from diffcxr.sources.table import table_rows
from jobs.command import main
from jobs.options import nested, option, required
from jobs.progress import Progress, progress
from jobs.summary import Summary

LICENCES = {
    "phantom": "Apache-2.0",
    "iu_xray": "CC-BY-NC-ND-4.0",
    "mimic_cxr": "PhysioNet Credentialed Health Data License 1.5.0",
    "chexpert": "Stanford University School of Medicine CheXpert Dataset Research Use Agreement",
    "nih_cxr14": "unrestricted; attribution to the NIH Clinical Center",
    "table": "unknown",
    "union": "",  # its corpora's
}
CREATORS = {
    "phantom": ["diffcxr"],
    "iu_xray": ["Indiana University"],
    "mimic_cxr": ["MIT Laboratory for Computational Physiology"],
    "chexpert": ["Stanford Machine Learning Group"],
    "nih_cxr14": ["NIH Clinical Center"],
    "table": ["unknown"],
}


@dataclass(kw_only=True)
class SourceConfig:
    """Where rows come from."""

    name: str = required(help="which data set", choices=tuple(LICENCES))
    root: str | None = option(None, help="its folder, archive or file; phantom and union need none")
    corpora: list[str] = option([], help="union: URIs of the corpora to join, in this order")
    rows: int | None = option(None, help="how many rows; of a data set, the first ones", min=1)
    images: bool = option(True, help="with films; false keeps the reports only")
    labels: str = option("chexpert", help="mimic_cxr: whose labels", choices=get_args(LabelSource))
    seed: int = option(0, help="phantom: which world")
    artefacts: float = option(0.0, help="phantom: share of artefact films", min=0, max=1)
    size: int = option(128, help="phantom: side of a film in pixels", min=32, max=2048)


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
    source = config.source
    files = _files(source)
    storage = Storage.at(config.output)
    corpora = _corpora(source, storage)
    record = _record(config, files, corpora)
    begun = read_record(storage) is not None
    if storage.exists(MANIFEST_PATH):
        if not begun:
            raise RefusedError("the output holds another corpus", storage.uri, "Choose a new output.")
        create_or_resume(storage, record)
        return _summary(Corpus.open(storage), config)
    storage.check_writable()

    units = rows = 0
    if begun:
        record = create_or_resume(storage, record)
        if source.name == "phantom":  # the embedded world can be entered at any row
            units, rows = committed_rows(storage, record)
    items = _items(source, files, corpora, rows, config.workers)
    if not begun:
        items = _with_a_row(items, config)
        record = create_or_resume(storage, record)

    meter: Progress[None] = progress(total=source.rows, unit="rows", desc="corpus", initial=rows)
    with meter as bar:
        for batch in cut_units(_counted(items, bar), config.shard_rows, first=units):
            with on_the_way():
                commit_batch(storage, record, batch)
            units = batch.unit + 1
    provenance = {**record.pixels, "diffcxr": record.stack.get("diffcxr")}
    with on_the_way():
        corpus = finish_corpus(
            storage,
            name=str(record.plan["name"]),
            units=units,
            plan_hash=record.plan_hash,
            licence=str(record.plan["licence"]),
            provenance=provenance | (union_provenance(corpora) if corpora else {}),
            creators=union_creators(corpora) if corpora else CREATORS[source.name],
        )
    return _summary(corpus, config)


def _files(source: SourceConfig) -> Files | None:
    if source.name == "phantom":
        if source.rows is None:
            raise InputError("missing", "source.rows", "Say how many rows, e.g. source.rows=1000.")
        return None
    if source.name == "union":
        return None
    if source.root is None:
        raise InputError("missing", "source.root", f"Say where the data set {source.name} lies.")
    return source_files(source.root)


def _corpora(source: SourceConfig, output: Storage) -> list[Corpus]:
    if (source.name == "union") != bool(source.corpora):
        fix = "Say source=union source.corpora=[s3://bucket/one,s3://bucket/two]."
        raise InputError("source=union and source.corpora go together", "source.corpora", fix)
    corpora = [Corpus.open(uri) for uri in source.corpora]
    if any(corpus.storage == output for corpus in corpora):
        raise InputError("output is one of the corpora", output.uri, "Choose a new output.")
    return corpora


def _record(config: Config, files: Files | None, corpora: Sequence[Corpus]) -> RunRecord:
    source = config.source
    pixels: dict[str, object] = {"source": source.name, "images": source.images}
    if corpora:
        pixels |= {"corpora": [corpus.digest for corpus in corpora]}
    elif files is None:
        pixels |= {"seed": source.seed, "artefacts": source.artefacts, "size": source.size}
    else:
        pixels |= {"digest": source_digest(files)}
        if source.name == "mimic_cxr":
            pixels |= {"labels": source.labels}
    plan = {
        "rows": source.rows,
        "shard_rows": config.shard_rows,
        "name": config.name or source.name,
        "licence": config.licence or LICENCES[source.name] or union_licence(corpora),
    }
    stack = {name: importlib.metadata.version(name) for name in ("diffcxr", "pyarrow", "pillow", "numpy")}
    return RunRecord(pixels, plan, stack)


def _items(
    source: SourceConfig, files: Files | None, corpora: Sequence[Corpus], start: int, workers: int
) -> Iterator[Row | Reject]:
    """The source's rows and rejects from row `start` on, at most `source.rows` rows in all."""
    if source.name == "phantom":
        from diffcxr.sources.phantom import phantom_rows

        rest = (source.rows or 0) - start
        yield from phantom_rows(
            rest, source.seed, source.images, source.artefacts, source.size, start=start, workers=workers
        )
        return
    left = source.rows
    for item in union_items(corpora) if files is None else _data_set_items(source, files):
        if isinstance(item, Row):
            if left == 0:
                return
            left = None if left is None else left - 1
            item = item if source.images else dataclasses.replace(item, image=None, image_path=None)
        yield item


def _data_set_items(source: SourceConfig, files: Files) -> Iterator[Row | Reject]:
    if source.name == "mimic_cxr":
        return mimic_cxr_rows(files, cast(LabelSource, source.labels), source.images)
    if source.name == "chexpert":
        return chexpert_rows(files, source.images)
    if source.name == "nih_cxr14":
        return nih_cxr14_rows(files, source.images)
    if source.name == "iu_xray":
        return iu_xray_rows(files)
    return table_rows(files)


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
    raise InputError(
        what, config.source.root or config.source.name, "Check source.root and the set's layout."
    )


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
