"""A published reference: one safetensors object with the moments of real films, by extractor."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import safetensors.numpy
from safetensors import SafetensorError

from cluster.storage import Storage
from diffcxr.errors import InputError, RefusedError
from eval.reference import Reference, Tensors, from_tensors, to_tensors

SUFFIX = ".safetensors"
_FORMAT, _VERSION = "diffcxr reference", 1
_KEY = "diffcxr"  # the metadata's only one: safetensors writes several in any order
_HEAD = 1 << 20  # bytes; the header of any number of extractors that there are
_FIX = "Fetch it again, or publish it with `diffcxr evaluate publish=`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a reference says of itself; numbers and names, and no patient."""

    run: str  # the plan hash of the run that published it
    name: str  # how the real films are called in a score
    corpus: str  # their corpus's digest
    split: str | None
    floor_films: int  # in each half, as planned
    films: int  # readable or not
    dimensions: Mapping[str, int]  # by extractor
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    facts: Facts
    states: Mapping[str, Reference]  # by extractor


def is_reference(uri: str) -> bool:
    """Whether `real=` names a published reference rather than a corpus."""
    return uri.endswith(SUFFIX)


def write_reference(uri: str, published: Published) -> int:
    """Creates the object, whole and at once; its bytes. Raises RefusedError where there is one."""
    told = {"format": _FORMAT, "version": _VERSION} | asdict(published.facts)
    tensors = {
        f"{extractor}/{name}": tensor
        for extractor, state in published.states.items()
        for name, tensor in to_tensors(state).items()
    }
    data = safetensors.numpy.save(tensors, {_KEY: json.dumps(told, sort_keys=True)})
    folder, name = place_of(uri)
    if not folder.create(name, data):
        raise RefusedError("a reference is there already", folder.child(name).uri, "Choose another path.")
    return len(data)


def read_facts(uri: str) -> Facts | None:
    """What the reference says of itself, by a ranged read; None where there is no object.

    Raises InputError where it is no reference.
    """
    folder, name = place_of(uri)
    size = folder.size(name)
    if size is None:
        return None
    head = folder.read_range(name, 0, min(size, _HEAD)) if size else b""
    return _facts(head, folder.child(name).uri)


def read_reference(uri: str) -> Published:
    """The reference at a URI. Raises InputError where there is none that is whole."""
    facts = read_facts(uri)
    folder, name = place_of(uri)
    where = folder.child(name).uri
    if facts is None:
        raise InputError("no reference here", where, "Check the spelling.")
    try:
        tensors = safetensors.numpy.load(folder.read(name))
        states = {name: from_tensors(_part(tensors, name), d) for name, d in facts.dimensions.items()}
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError("the reference is damaged", where, _FIX) from error
    return Published(facts, states)


def place_of(uri: str) -> tuple[Storage, str]:
    """The folder of an object and its name."""
    folder, _, name = uri.rpartition("/")
    return Storage.at(folder or ("/" if uri.startswith("/") else ".")), name


def _facts(head: bytes, where: str) -> Facts:
    try:
        header = json.loads(head[8 : 8 + int.from_bytes(head[:8], "little")])
        told: dict[str, Any] = json.loads(header["__metadata__"][_KEY])
        kind, version = told.pop("format"), told.pop("version")
        facts = Facts(**told)
        numbers = (facts.floor_films, facts.films, *facts.dimensions.values())
        if kind != _FORMAT or facts.dimensions.keys() != facts.digests.keys() or not _are_counts(numbers):
            raise ValueError(kind)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("not a reference that diffcxr published", where, _FIX) from error
    if version != _VERSION:
        raise InputError(f"the reference is of version {version}, not {_VERSION}", where, _FIX)
    return facts


def _are_counts(numbers: Iterable[object]) -> bool:
    return all(isinstance(number, int) and number >= 0 for number in numbers)


def _part(tensors: Tensors, extractor: str) -> Tensors:
    prefix = f"{extractor}/"
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
