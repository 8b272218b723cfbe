"""How a source sees its files, on a disk, in an archive or in a bucket, without knowing which."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError)
"""What reading a damaged member of a zip archive raises."""


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


class ZippedFiles:
    """The members of a zip archive; the archive stays open, and only what is asked for is unpacked."""

    def __init__(self, archive: BinaryIO, root: str) -> None:
        """Raises zipfile.BadZipFile."""
        self.root = root
        try:
            self._archive = zipfile.ZipFile(archive)
        except (NotImplementedError, UnicodeDecodeError) as error:  # damaged versions and names
            raise zipfile.BadZipFile(root) from error
        if any(member.header_offset < 0 for member in self._archive.infolist()):
            raise zipfile.BadZipFile(root)  # bytes are missing before the directory; zipfile would seek there

    def open(self, path: str) -> BinaryIO:
        """As `Files.open`; raises and its reader raises ZIP_ERRORS besides."""
        try:
            return cast(BinaryIO, self._archive.open(path))
        except KeyError as error:
            raise FileNotFoundError(f"{self.root}/{path}") from error
        except RuntimeError as error:  # encrypted, or packed in a way that zipfile does not know
            raise zipfile.BadZipFile(f"{self.root}/{path}") from error

    def list(self, prefix: str = "") -> Iterator[str]:
        names = (member.filename for member in self._archive.infolist() if not member.is_dir())
        yield from sorted(name for name in names if name.startswith(prefix))
