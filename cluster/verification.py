"""The integrity of a corpus: every shard read, every sample counted once (DESIGN 5)."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from cluster.codec import decode_image, image_size
from cluster.corpus import MANIFEST_PATH, Corpus
from cluster.run_record import RunRecord, read_record
from cluster.selection import SELECTIONS
from cluster.shard import read_footer, read_shard, shard_path
from cluster.storage import Storage
from cluster.storage_errors import MissingError, UnavailableError
from diffcxr.errors import InputError

_UNIT = re.compile(r"shards/(\d{5,})\.parquet")
_AT_ONCE = 8  # shards in memory, each at most 256 MiB


@dataclass(frozen=True, slots=True)
class Inventory:
    """What should be there, by the manifest and the run record, and what is."""

    storage: Storage
    record: RunRecord | None
    corpus: Corpus | None
    stored: frozenset[str]  # paths of the shards that exist

    @property
    def units(self) -> int:
        """Shards that there should be; of an unfinished run that does not say, those up to the last one."""
        if self.corpus is not None:
            return len(self.corpus.shards)
        known = (int(found[1]) + 1 for path in self.stored if (found := _UNIT.fullmatch(path)))
        return max(known, default=0) if (planned := self.planned("units")) is None else planned

    @property
    def plan_hash(self) -> str | None:
        if self.record is not None:
            return self.record.plan_hash
        found = None if self.corpus is None else self.corpus.manifest.get("plan_hash")
        return found if isinstance(found, str) else None

    @property
    def is_selection(self) -> bool:
        """Whether the run makes a part of its corpus: what another one does not hold, or rejected."""
        return self.record is not None and any(name in self.record.plan for name in SELECTIONS)

    def planned(self, name: str) -> int | None:
        """A number of the run's plan: `units`, `samples`, `samples_per_report`."""
        found = None if self.record is None else self.record.plan.get(name)
        return found if isinstance(found, int) else None


@dataclass(frozen=True, slots=True)
class ShardCheck:
    """What reading one shard showed; `problem` is empty when it is whole."""

    path: str
    problem: str = ""
    missing: bool = False
    rows: int = 0
    rejects: int = 0
    samples: tuple[tuple[str, int], ...] = ()  # (report_id, sample_index), of a run also its rejects'


@dataclass(slots=True)
class Tally:
    """What the shards add up to; memory is some tens of bytes a sample."""

    rows: int = 0
    rejects: int = 0
    missing: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    _samples: set[bytes] = field(default_factory=set)
    _reports: set[bytes] = field(default_factory=set)

    def add(self, check: ShardCheck, samples_per_report: int | None) -> None:
        """Counts one shard, and notes the samples that another one holds already."""
        if check.missing:
            self.missing.append(check.path)
            return
        self.rows += check.rows
        self.rejects += check.rejects
        if check.problem:
            self.damage.append(f"{check.path}: {check.problem}")
        twice = beyond = 0
        for report_id, sample_index in check.samples:
            key = _key(f"{report_id}\0{sample_index}")
            twice += key in self._samples
            beyond += samples_per_report is not None and sample_index >= samples_per_report
            self._samples.add(key)
            self._reports.add(_key(report_id))
        if twice:
            self.damage.append(f"{check.path}: {twice} samples that were there already")
        if beyond:
            self.damage.append(f"{check.path}: {beyond} samples that were never planned")

    def finish(self, inventory: Inventory, reports: Iterable[str] | None = None) -> None:
        """Compares the whole with the plan, and with the ids of the planned reports where they are given: of
        a selection, those that it was taken from."""
        if self.missing or self.damage or inventory.corpus is None:
            return
        if sum(inventory.corpus.rejects.values()) != self.rejects:
            self.damage.append(f"{self.rejects} rejects, and the manifest says otherwise")
        samples, each = inventory.planned("samples"), inventory.planned("samples_per_report")
        if samples is not None and samples != len(self._samples):
            self.damage.append(f"{len(self._samples)} samples, and {samples} were planned")
        whole = not inventory.is_selection
        if samples is not None and each and whole and samples != each * len(self._reports):
            self.damage.append(f"{len(self._reports)} reports, and {samples // each} were planned")
        if reports is not None:
            planned = {_key(report) for report in reports}
            if planned != self._reports if whole else self._reports - planned:
                lost, foreign = len(planned - self._reports), len(self._reports - planned)
                absent = f"{lost} planned reports are not there, and " * whole
                self.damage.append(f"{absent}{foreign} others are")


def take_inventory(storage: Storage) -> Inventory:
    """What a folder holds. Raises InputError where it is neither a corpus nor the beginning of one."""
    record = read_record(storage)
    corpus = Corpus.open(storage) if record is None or storage.exists(MANIFEST_PATH) else None
    stored = frozenset(stored.path for stored in storage.list("shards"))
    return Inventory(storage, record, corpus, stored)


def check_shards(inventory: Inventory, decode: bool = False) -> Iterator[ShardCheck]:
    """One check a shard, in order: those that should be there, then those that should not.

    Args:
        decode: decode every image whole, rather than look at its header.
    """
    paths = [shard_path(unit) for unit in range(inventory.units)]
    if inventory.corpus is not None:
        paths = [shard.path for shard in inventory.corpus.shards]
    running: deque[Future[ShardCheck]] = deque()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for unit in range(len(paths)):
            running.append(pool.submit(check_shard, inventory, unit, paths[unit], decode))
            if len(running) > 2 * _AT_ONCE:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    for path in sorted(inventory.stored - set(paths)):
        yield ShardCheck(path, "a shard that was never planned")


def check_shard(inventory: Inventory, unit: int, path: str, decode: bool = False) -> ShardCheck:
    """Reads shard `unit` at `path` and compares it with its checksums, the manifest and the run record.

    Raises UnavailableError where the store does not answer, which says nothing about the shard.
    """
    storage = inventory.storage
    entry = None if inventory.corpus is None else inventory.corpus.shards[unit]
    try:
        footer = read_footer(storage, path)
        table = read_shard(storage, path, digest=None if entry is None else entry.digest)
    except MissingError as error:
        if error.bucket_is_missing:
            raise
        return ShardCheck(path, missing=True)
    except UnavailableError:
        raise
    except InputError as error:
        return ShardCheck(path, error.what)
    samples = list(zip(table["report_id"].to_pylist(), table["sample_index"].to_pylist(), strict=True))
    if inventory.planned("samples_per_report") is not None:  # a reject of a data set may have any id, or none
        samples += [(reject.report_id, reject.sample_index) for reject in footer.rejects]
    problem = ""
    if footer.unit != unit:
        problem = f"it says that it is unit {footer.unit}"
    elif inventory.plan_hash is not None and footer.plan_hash != inventory.plan_hash:
        problem = "it belongs to another run"
    elif entry is not None and entry.rows != table.num_rows:
        problem = f"{table.num_rows} rows, and the manifest says {entry.rows}"
    else:
        bad = _bad_images(table, decode)
        problem = f"{bad} images cannot be read" if bad else ""
    return ShardCheck(path, problem, False, table.num_rows, len(footer.rejects), tuple(samples))


def _bad_images(table: pa.Table, decode: bool) -> int:
    bad = 0
    for data in pc.struct_field(table["image"], "bytes").drop_null():
        try:
            if decode:
                decode_image(data.as_py())
            else:
                image_size(data.as_py())
        except InputError:
            bad += 1
    return bad


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=12).digest()
