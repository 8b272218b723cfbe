"""Tensors that are dear to make and cheap to lose, kept on the node's own disk."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from diffcxr.errors import InputError

_FIX = "Point XDG_CACHE_HOME at a disk with room, then run the same command again."


def cached_tensors(key: dict[str, object], make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """What `make` returns, made once a node for each `key`, which must name all that decides it.

    Kept below $XDG_CACHE_HOME/diffcxr (by default ~/.cache/diffcxr), which may be deleted at any time. Of a
    node's workers that come together one makes them, and the others wait for it. All map them from the file:
    they are read when they are looked at, and are in a node's memory once.

    Raises InputError where the disk does not take them.
    """
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    root = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    path = Path(root, "diffcxr", "tensors", f"{name}.safetensors")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_suffix(".lock").open("w")
    except OSError as error:
        raise InputError("no cache can be kept here", str(path.parent), _FIX) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = _read(path)
        if kept is None:
            _save(make(), path)
            kept = load_file(path)
    return kept


def _read(path: Path) -> dict[str, Tensor] | None:
    """What is kept there; None for nothing, and for what a disk that failed has left of it."""
    try:
        return load_file(path) if path.is_file() else None
    except SafetensorError:
        return None


def _save(tensors: dict[str, Tensor], path: Path) -> None:
    """Whole or not at all. The lock's holder alone calls it: what a killed one left is in nobody's use."""
    making = path.with_suffix(".making")  # a folder: safetensors writes under a name of its own at first
    shutil.rmtree(making, ignore_errors=True)
    try:
        making.mkdir()
        save_file(tensors, making / path.name)
        (making / path.name).replace(path)
    except (OSError, SafetensorError) as error:
        size = sum(tensor.nbytes for tensor in tensors.values()) / 2**30
        raise InputError(f"{size:.1f} GiB cannot be kept in the cache", str(path.parent), _FIX) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
