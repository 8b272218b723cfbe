from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
import torch

from cluster import tensor_cache
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


def test_what_a_killed_worker_left_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def make() -> dict[str, torch.Tensor]:
        return {"x": torch.ones(3)}

    def be_killed(tensors: dict[str, torch.Tensor], path: Path | str) -> None:
        Path(path).write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr(tensor_cache, "save_file", be_killed)
        killed = multiprocessing.get_context("fork").Process(target=cached_tensors, args=({"of": "a"}, make))
        killed.start()
        killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    assert cached_tensors({"of": "a"}, make)["x"].equal(torch.ones(3))
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".lock", ".safetensors"}
