"""A corpus: shards of rows below one URI, and the manifest that is written last (DESIGN 3)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from cluster.croissant import describe_dataset
from cluster.dataset_card import CARD_PATH, describe, keywords_of, make_card
from cluster.run_record import RUN_PATH
from cluster.schema import ROW_SCHEMA, SCHEMA_VERSION
from cluster.shard import STACK_KEY, Footer, read_footer, read_shard, shard_path
from cluster.storage import Storage
from cluster.storage_errors import MissingError
from diffcxr.errors import IncompleteError, InputError, RefusedError

MANIFEST_PATH = "corpus.json"
REJECTED_PATH = "rejected.jsonl"
_READERS = 16  # footers are small: latency, not bandwidth, is what their reading costs


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """A shard as the manifest knows it."""

    path: str
    rows: int
    digest: str  # its footer's content_sha256
    reports: int | None = None  # as its footer says; None where that is silent


@dataclass(frozen=True)
class Corpus:
    """A finished corpus, real or generated."""

    storage: Storage
    manifest: Mapping[str, object]
    name: str
    rows: int
    shards: tuple[ShardEntry, ...]

    @classmethod
    def open(cls, uri: str | Path | Storage) -> Corpus:
        """The corpus at a URI. Raises InputError where there is none that is finished and readable."""
        storage = uri if isinstance(uri, Storage) else Storage.at(uri)
        where = storage.child(MANIFEST_PATH).uri
        try:
            data = storage.read(MANIFEST_PATH)
        except MissingError as error:
            if not error.bucket_is_missing and storage.exists(RUN_PATH):
                what, fix = (
                    "the corpus is not finished",
                    "Finish it by running the command that began it again.",
                )
                raise InputError(what, storage.uri, fix) from error
            what = error.what if error.bucket_is_missing else "no corpus here"
            raise InputError(
                what, storage.uri, "Make one with `diffcxr corpus`, or check the spelling."
            ) from error
        return cls._parse(storage, data, where)

    @classmethod
    def _parse(cls, storage: Storage, data: bytes, where: str) -> Corpus:
        fix = "It is damaged, or of another version of diffcxr: make the corpus again."
        try:
            manifest = json.loads(data)
            version = manifest["version"]
            shards = tuple(
                ShardEntry(str(s["path"]), int(s["rows"]), str(s["digest"]), s.get("reports"))
                for s in manifest["shards"]
            )
            corpus = cls(storage, manifest, str(manifest["name"]), int(manifest["rows"]), shards)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError("the corpus manifest cannot be read", where, fix) from error
        if version != SCHEMA_VERSION:
            raise InputError(f"the corpus manifest is of version {version}, not {SCHEMA_VERSION}", where, fix)
        if corpus.rows != sum(shard.rows for shard in shards) or corpus.digest != manifest.get("digest"):
            raise InputError("the corpus manifest does not match its own checksum", where, fix)
        return corpus

    @property
    def uri(self) -> str:
        return self.storage.uri

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the corpus holds: the same wherever it lies."""
        return corpus_digest(self.shards)

    @property
    def rejects(self) -> Mapping[str, int]:
        """How many inputs were left out, by reason."""
        found = self.manifest.get("rejects", {})
        return {str(k): int(v) for k, v in found.items()} if isinstance(found, dict) else {}

    def read(self, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of shard `number`, checked (see read_shard). Raises InputError for a damaged one."""
        shard = self.shards[number]
        try:
            return read_shard(self.storage, shard.path, columns, digest=shard.digest)
        except MissingError as error:
            where = self.storage.child(shard.path).uri
            fix = "Restore the shard, or make the corpus again in another place."
            raise InputError("a shard of the corpus is missing", where, fix) from error

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The shards' rows in order, one table a shard."""
        return (self.read(number, columns) for number in range(len(self.shards)))


def corpus_digest(shards: Sequence[ShardEntry]) -> str:
    """The digest of a corpus with these shards, in this order, and this version of the schema."""
    lines = [f"diffcxr corpus {SCHEMA_VERSION}", *(shard.digest for shard in shards)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def refuse_foreign_views(storage: Storage) -> None:
    """Raises RefusedError where a run that has yet to begin would replace a file of somebody else's.

    The record is looked for last: a twin that began meanwhile has written it before its views.
    """
    foreign = [path for path in (CARD_PATH, REJECTED_PATH) if storage.exists(path)]
    if foreign and not storage.exists(RUN_PATH):
        where = storage.child(foreign[0]).uri
        raise RefusedError(
            f"the output holds a {foreign[0]} of its own", where, "Move it away, or choose a new output."
        )


def finish_corpus(
    storage: Storage,
    name: str,
    units: int,
    plan_hash: str,
    licence: str,
    provenance: Mapping[str, object],
    parent: Mapping[str, object] | None = None,
    creators: Sequence[str] = ("diffcxr",),
) -> Corpus:
    """The corpus of shards 0 .. `units`-1: writes rejects and card, then corpus.json. May be repeated.

    The first two are views and replace what is there: whoever begins a run calls refuse_foreign_views before.
    Nothing in them depends on the machine, the URI or the time, but the day on which the corpus was begun, as
    the store dates its first object. Raises IncompleteError where shards are
    missing and RefusedError where one is another run's.
    """
    footers = read_footers(storage, units)
    missing = [unit for unit, footer in enumerate(footers) if footer is None]
    if missing:
        what = f"{len(missing)} of {units} shards are missing, the first is {shard_path(missing[0])}"
        raise IncompleteError(what, storage.uri, "Run the same command again.")
    present = [footer for footer in footers if footer is not None]
    for unit, footer in enumerate(present):
        if (footer.unit, footer.plan_hash) != (unit, plan_hash):
            where = storage.child(shard_path(unit)).uri
            raise RefusedError("the output holds a shard of another run", where, "Choose a new output.")
    rejects = [reject for footer in present for reject in footer.rejects]
    if rejects:
        lines = "".join(json.dumps(asdict(reject), sort_keys=True) + "\n" for reject in rejects)
        storage.replace(REJECTED_PATH, lines.encode())
    shards = tuple(ShardEntry(shard_path(f.unit), f.rows, f.content_sha256, f.reports) for f in present)
    rows = sum(shard.rows for shard in shards)
    begun = min((stored.modified for stored in storage.list()), default=datetime.now(UTC))
    manifest: dict[str, Any] = {
        **describe_dataset(
            name=name,
            description=describe(name, rows, provenance, parent),
            licence=licence,
            creators=creators,
            published=begun.astimezone(UTC).date(),
            keywords=keywords_of(provenance),
        ),
        "version": SCHEMA_VERSION,
        "digest": corpus_digest(shards),
        "plan_hash": plan_hash,
        "schema": {field.name: str(field.type) for field in ROW_SCHEMA},
        "rows": rows,
        "rejects": dict(sorted(Counter(reject.reason for reject in rejects).items())),
        "licence": licence,
        "provenance": _sorted(provenance),
        **_stacks(present),
        "parent": None if parent is None else _sorted(parent),
        "shards": [asdict(shard) for shard in shards],
    }
    storage.replace(CARD_PATH, make_card(manifest).encode())
    _create_equal(storage, MANIFEST_PATH, (json.dumps(manifest, indent=2) + "\n").encode())
    return Corpus.open(storage)


def read_footers(storage: Storage, units: int) -> list[Footer | None]:
    """The footers of shards 0 .. `units`-1, None where there is no shard. Raises InputError for damage."""

    def footer(unit: int) -> Footer | None:
        try:
            return read_footer(storage, shard_path(unit))
        except MissingError as error:
            if error.bucket_is_missing:
                raise
            return None

    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(footer, range(units)))


def _stacks(footers: Sequence[Footer]) -> dict[str, object]:
    """The stacks that made a generated corpus, each with its number of shards; identical bytes are promised
    on one. Nothing where the shards do not say."""
    made = Counter(footer.metadata[STACK_KEY] for footer in footers if STACK_KEY in footer.metadata)
    stacks = [{**json.loads(stack), "shards": count} for stack, count in sorted(made.items())]
    return {"stacks": stacks} if stacks else {}


def _sorted(value: Mapping[str, object]) -> object:
    """The same, keys sorted at every depth: a resumed run has read its own from JSON, in another order."""
    return json.loads(json.dumps(dict(value), sort_keys=True))


def _create_equal(storage: Storage, path: str, data: bytes) -> None:
    """Creates the object, or finds its bytes there already: from a twin of this run, or before a resume."""
    if not storage.create(path, data) and storage.read(path) != data:
        where = storage.child(path).uri
        raise RefusedError("the output holds the manifest of another run", where, "Choose a new output.")
