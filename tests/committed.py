"""What a run leaves behind, without its views: what two runs of one command have in common, byte by byte."""

from __future__ import annotations

from pathlib import Path

from cluster.storage import Storage
from cluster.usage import USAGE_FOLDER


def committed_objects(output: Storage | Path | str) -> dict[str, bytes]:
    """The bytes of every object but `summary.json` and `usage/`, which may be replaced."""
    storage = output if isinstance(output, Storage) else Storage.at(output)
    return {
        stored.path: storage.read(stored.path)
        for stored in storage.list()
        if stored.path != "summary.json" and not stored.path.startswith(f"{USAGE_FOLDER}/")
    }
