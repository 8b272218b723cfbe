"""run.json: the whole resolved run, by which a resume is told from another run (DESIGN 4)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cluster.storage import Storage
from cluster.storage_errors import MissingError
from diffcxr.errors import InputError, RefusedError

RUN_PATH = "run.json"
_VERSION = 1


@dataclass(frozen=True)
class RunRecord:
    """Everything that decides the output; values are JSON's.

    Args:
        pixels: what decides a sample's bytes.
        plan: what decides which samples there are, and where.
        stack: the versions and the accelerator that it ran on; recorded, and no part of the identity.
    """

    pixels: Mapping[str, object]
    plan: Mapping[str, object]
    stack: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def plan_hash(self) -> str:
        """SHA-256 of `pixels` and `plan`: the identity that every shard carries."""
        identity = {"version": _VERSION, "pixels": self.pixels, "plan": self.plan}
        return hashlib.sha256(json.dumps(identity, sort_keys=True, allow_nan=False).encode()).hexdigest()

    def to_bytes(self) -> bytes:
        record = {"version": _VERSION, "plan_hash": self.plan_hash}
        parts = {"pixels": self.pixels, "plan": self.plan, "stack": self.stack}
        return (json.dumps(record | parts, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


def read_record(storage: Storage) -> RunRecord | None:
    """The run that a folder holds, or None. Raises InputError where run.json cannot be read."""
    try:
        data = storage.read(RUN_PATH)
    except MissingError as error:
        if error.bucket_is_missing:
            raise
        return None
    where = storage.child(RUN_PATH).uri
    fix = "It is damaged, or of another version of diffcxr: choose a new output."
    try:
        found = json.loads(data)
        record = RunRecord(found["pixels"], found["plan"], found["stack"])
        intact = found["version"] == _VERSION and found["plan_hash"] == record.plan_hash
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("the run record cannot be read", where, fix) from error
    if not intact:
        raise InputError("the run record does not match its own hash or version", where, fix)
    return record


def create_or_resume(storage: Storage, record: RunRecord) -> RunRecord:
    """The record that the folder holds from now on (see create_or_find)."""
    return create_or_find(storage, record)[0]


def create_or_find(storage: Storage, record: RunRecord) -> tuple[RunRecord, bool]:
    """(this record, False), or (the equal one of the run that is resumed or of a twin, True).

    Its `stack` is that of the run's start. Raises RefusedError, naming each field that differs, where the
    folder holds another run.
    """
    if storage.create(RUN_PATH, record.to_bytes()):
        return record, False
    there = read_record(storage)
    if there is None:  # deleted between the two calls
        raise InputError(
            "the run record vanished", storage.child(RUN_PATH).uri, "Run the same command again."
        )
    differences = differing_fields(there, record)
    if differences:
        what = f"the output holds another run ({'; '.join(differences)})"
        raise RefusedError(
            what, storage.uri, "Choose a new output, or the settings of the run that is there."
        )
    return there, True


def differing_fields(there: RunRecord, here: RunRecord) -> list[str]:
    """One phrase a differing field of `pixels` and `plan`: `pixels.steps is 20 there and 30 here`."""
    old, new = (_flat({"pixels": dict(r.pixels), "plan": dict(r.plan)}) for r in (there, here))
    return [
        f"{name} is {_shown(old, name)} there and {_shown(new, name)} here"
        for name in sorted(old.keys() | new.keys())
        if _shown(old, name) != _shown(new, name)
    ]


def _flat(value: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            flat |= _flat(item, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = item
    return flat


def _shown(values: Mapping[str, object], name: str) -> str:
    return json.dumps(values[name], sort_keys=True) if name in values else "absent"
