"""Corpora joined: what there was and what was made since, a run and its retried rejects; or one, filtered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from cluster.corpus import Corpus, read_footers
from cluster.removed_films import Removed
from cluster.schema import rows_from_table
from diffcxr.sources.row import Reject, Row


def union_items(corpora: Sequence[Corpus], removed: Removed | None = None) -> Iterator[Row | Reject]:
    """The rows of each corpus in turn, then the rejects of those samples that no corpus has a row of.

    The films that a filtering `removed` are rejects. A sample that was rejected twice is one, with its last
    reason. Raises InputError where a shard is missing or damaged.
    """
    left_out = removed.films if removed else frozenset()
    rejects = {
        (reject.report_id, reject.sample_index): reject
        for corpus in corpora
        for footer in read_footers(corpus.storage, len(corpus.shards))
        if footer is not None
        for reject in footer.rejects
    }
    for corpus in corpora:
        for table in corpus.tables():
            for row in rows_from_table(table):
                key = row.report_id, row.sample_index
                if key in left_out:
                    rejects[key] = Reject(report_id=key[0], sample_index=key[1], reason="filtered")
                else:
                    rejects.pop(key, None)
                    yield row
    yield from rejects.values()


def union_licence(corpora: Sequence[Corpus]) -> str:
    """The licences under which the rows are, each once."""
    return "; ".join(dict.fromkeys(str(corpus.manifest.get("licence", "unknown")) for corpus in corpora))


def union_creators(corpora: Sequence[Corpus]) -> list[str]:
    """Who made the rows, each once."""
    named = [creator for corpus in corpora for creator in cast(Any, corpus.manifest.get("creator", []))]
    return list(dict.fromkeys(creator["name"] for creator in named))


def union_provenance(corpora: Sequence[Corpus]) -> dict[str, Any]:
    """What the manifest says of the parts; `synthetic` where one of them is."""
    parts = [{"name": c.name, "digest": c.digest, "rows": c.rows} for c in corpora]
    found = [c.manifest.get("provenance") for c in corpora]
    synthetic = any(isinstance(one, dict) and one.get("synthetic") for one in found)
    return {"corpora": parts} | ({"synthetic": True} if synthetic else {})
