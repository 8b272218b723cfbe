"""A published reference as an object: whole, created once, and nothing else taken for one."""

from __future__ import annotations

import dataclasses
import json
import struct

import numpy as np
import pytest

from cluster.reference_file import Facts, Published, place_of, read_facts, read_reference, write_reference
from diffcxr.errors import InputError, RefusedError
from eval.fid import Side, update_side
from eval.reference import reference_of

FACTS = Facts(
    run="plan",
    name="films, test",
    corpus="digest",
    split="test",
    floor_films=100,
    films=400,
    dimensions={"a": 3, "b": 2},
    digests={"a": "sha256:1", "b": "sha256:2"},
)


def side(dimension: int) -> Side:
    rng = np.random.default_rng(dimension)
    features = rng.normal(size=(400, dimension)).astype(np.float32)
    return update_side(Side.empty(dimension), features, np.arange(400) % 20, np.arange(400) % 4 - 1)


def published() -> Published:
    states = {name: reference_of(side(d), groups=True) for name, d in FACTS.dimensions.items()}
    return Published(FACTS, states)


def test_what_is_written_is_read_back_to_the_last_bit(uri: str) -> None:
    path = f"{uri}/folder/reference.safetensors"
    assert read_facts(path) is None
    size = write_reference(path, published())
    folder, name = place_of(path)
    assert folder.size(name) == size
    assert read_facts(path) == FACTS
    found = read_reference(path)
    assert found.facts == FACTS and found.states.keys() == {"a", "b"}
    for extractor, reference in published().states.items():
        there = found.states[extractor]
        for mine, its in zip(
            (*reference.groups, *reference.halves), (*there.groups, *there.halves), strict=True
        ):
            assert mine.count == its.count and mine.mean is not None and its.mean is not None
            np.testing.assert_array_equal(mine.mean, its.mean)
            np.testing.assert_array_equal(mine.scatter, its.scatter)


def test_equal_references_are_equal_bytes_and_none_is_written_over(uri: str) -> None:
    for name in ("one", "two"):
        write_reference(f"{uri}/{name}.safetensors", published())
    folder, _ = place_of(f"{uri}/x")
    before = folder.read("one.safetensors")
    assert before == folder.read("two.safetensors")
    other = Published(dataclasses.replace(FACTS, name="other"), published().states)
    with pytest.raises(RefusedError, match="there already"):
        write_reference(f"{uri}/one.safetensors", other)
    assert folder.read("one.safetensors") == before


TOLD = {"format": "diffcxr reference", "version": 1} | dataclasses.asdict(FACTS)


def header(told: object) -> bytes:
    data = json.dumps({"__metadata__": {"diffcxr": json.dumps(told)}}).encode()
    return struct.pack("<Q", len(data)) + data


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a reference"),
        (b"short", "not a reference"),
        (b"\xff" * 100, "not a reference"),
        (struct.pack("<Q", 2) + b"{}", "not a reference"),
        (header([]), "not a reference"),
        (header({"format": "diffcxr reference", "version": 1}), "not a reference"),
        (header(TOLD | {"films": "many"}), "not a reference"),
        (header(TOLD | {"version": 2}), "of version 2"),
        (header(TOLD), "is damaged"),
    ],
)
def test_what_is_no_reference_is_one_error(uri: str, data: bytes, says: str) -> None:
    folder, name = place_of(f"{uri}/reference.safetensors")
    folder.create(name, data)
    with pytest.raises(InputError, match=says):
        read_reference(f"{uri}/reference.safetensors")


def test_a_reference_cut_anywhere_is_an_error(tmp_path) -> None:
    path = tmp_path / "reference.safetensors"
    write_reference(str(path), published())
    whole = path.read_bytes()
    for size in (len(whole) - 1, len(whole) // 2, 2000, 50):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match="reference"):
            read_reference(str(path))
