"""A data set's files, wherever they lie, as sources read them (diffcxr.sources.files), and their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from cluster.storage import Storage
from cluster.storage_errors import MissingError
from cluster.storage_location import parse_location
from diffcxr.errors import InputError
from diffcxr.sources.files import Files, LocalFiles

_IMAGES = (".png", ".jpg", ".jpeg", ".dcm", ".webp", ".tif", ".tiff", ".bmp", ".gif")
_BLOCK = 1 << 20


class StoredFiles:
    """Files below a URI of an object store, or the single object there."""

    def __init__(self, uri: str) -> None:
        self.root = uri
        self._storage = Storage.at(uri)

    def open(self, path: str) -> BinaryIO:
        storage, name = self._storage, path
        if not path:
            parent, _, name = self.root.rstrip("/").rpartition("/")
            storage = Storage.at(parent)
        try:
            return storage.open(name)
        except MissingError as error:
            raise FileNotFoundError(storage.child(name).uri) from error

    def list(self, prefix: str = "") -> Iterator[str]:
        folder = prefix.rpartition("/")[0]
        return (stored.path for stored in self._storage.list(folder) if stored.path.startswith(prefix))


def source_files(root: str) -> Files:
    """The files at a path or URI. Raises InputError where there are none."""
    location = parse_location(root)
    files: Files = LocalFiles(Path(location.uri)) if location.is_local else StoredFiles(location.uri)
    if not _is_single(files) and next(iter(files.list()), None) is None:
        raise InputError("no files there", location.uri, "Check source.root.")
    return files


def source_digest(files: Files) -> str:
    """SHA-256 of what the root holds: every path, and the bytes of everything that is not an image.

    Images stand for themselves in the shards; reading each of them twice would double the cost of a large
    set.
    """
    digest = hashlib.sha256()
    for path in [""] if _is_single(files) else files.list():
        digest.update(f"{path}\n".encode())
        if PurePosixPath(path or files.root).suffix.lower() not in _IMAGES:
            with files.open(path) as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
    return digest.hexdigest()


def _is_single(files: Files) -> bool:
    try:
        files.open("").close()
    except FileNotFoundError:
        return False
    return True
