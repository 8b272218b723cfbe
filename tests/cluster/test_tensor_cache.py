from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cluster.tensor_cache import cached_tensors


def test_tensors_are_made_once_for_each_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = []

    def make() -> dict[str, torch.Tensor]:
        made.append(len(made))
        return {"x": torch.full((3,), float(len(made)))}

    first, again, other = (cached_tensors({"of": key}, make)["x"] for key in ("a", "a", "b"))
    assert first.equal(again) and not first.equal(other)
    assert made == [0, 1]


def test_a_failed_making_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fail() -> dict[str, torch.Tensor]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cached_tensors({"of": "a"}, fail)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".lock"}
