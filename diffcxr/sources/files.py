"""How a source sees its files, on a disk, in an archive or in a bucket, without knowing which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol


class Files(Protocol):
    """A tree of files below one root."""

    root: str

    def open(self, path: str) -> BinaryIO:
        """A seekable reader of the file at `path` below the root ("" is the root itself, where it is a file).

        Raises FileNotFoundError.
        """
        ...

    def list(self, prefix: str = "") -> Iterator[str]:
        """Paths of the files below `prefix`, relative to the root, sorted."""
        ...


class LocalFiles:
    """A folder, or a single file, on the local disk."""

    def __init__(self, root: str | Path) -> None:
        self.root = str(root)

    def open(self, path: str) -> BinaryIO:
        target = Path(self.root, path) if path else Path(self.root)
        if not target.is_file():
            raise FileNotFoundError(target)
        return target.open("rb")

    def list(self, prefix: str = "") -> Iterator[str]:
        base = Path(self.root)
        if base.is_dir():
            files = (p.relative_to(base).as_posix() for p in base.rglob("*") if p.is_file())
            yield from sorted(p for p in files if p.startswith(prefix))
