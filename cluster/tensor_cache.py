"""Tensors that are dear to make and cheap to lose, kept on the node's own disk."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor


def cached_tensors(key: dict[str, object], make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """What `make` returns, made once a node for each `key`, which must name all that decides it.

    Kept below $XDG_CACHE_HOME/diffcxr (by default ~/.cache/diffcxr), which may be deleted at any time. Of a
    node's workers that come together one makes them, and the others wait for it.
    """
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    root = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    path = Path(root, "diffcxr", "tensors", f"{name}.safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.is_file():
            tensors = make()
            # Only the lock's holder writes it: what a killed one left is written over, and not left for ever.
            partial = path.with_suffix(".partial")
            save_file(tensors, partial)
            partial.replace(path)  # whole or not at all
    return load_file(path)
