from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from pathlib import Path

import pytest
import torch

from cluster import tensor_cache
from cluster.tensor_cache import cached_tensors
from diffcxr.errors import InputError


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

    def be_killed(tensors: dict[str, torch.Tensor], path: Path) -> None:
        path.with_name(".tmp4x8Qvz").write_bytes(b"half")  # as safetensors writes
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr(tensor_cache, "save_file", be_killed)
        killed = multiprocessing.get_context("fork").Process(target=cached_tensors, args=({"of": "a"}, make))
        killed.start()
        killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    assert cached_tensors({"of": "a"}, make)["x"].equal(torch.ones(3))
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".lock", ".safetensors"}


@pytest.mark.parametrize("left", [0, 60])
def test_what_a_failed_disk_has_left_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached_tensors({"of": "a"}, lambda: {"x": torch.ones(3)})
    (kept,) = tmp_path.rglob("*.safetensors")
    os.truncate(kept, left)
    for _ in ("made", "kept"):
        assert cached_tensors({"of": "a"}, lambda: {"x": torch.ones(3)})["x"].equal(torch.ones(3))


def test_what_the_disk_does_not_take_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, most[1]))
    try:
        with pytest.raises(InputError, match=r"0\.0 GiB cannot be kept in the cache"):
            cached_tensors({"of": "a"}, lambda: {"x": torch.ones(1 << 16)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
        signal.signal(signal.SIGXFSZ, handler)
    assert {path.suffix for path in tmp_path.rglob("*")} == {"", ".lock"}


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"no cache can be kept here: .* Point XDG_CACHE_HOME"):
        cached_tensors({"of": "a"}, dict)
