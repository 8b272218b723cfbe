"""A data set's files, wherever they lie, as sources read them (diffcxr.sources.files), and their digest."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from cluster.storage import Storage
from cluster.storage_errors import MissingError
from cluster.storage_location import parse_location
from diffcxr.errors import InputError
from diffcxr.sources.files import Files, LocalFiles
from diffcxr.sources.film import IMAGE_SUFFIXES

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


class MatchingFiles:
    """Those files below a folder whose paths fit a glob, part by part."""

    def __init__(self, files: Files, glob: str) -> None:
        self.root = files.root
        self._files, self._glob = files, PurePosixPath(glob).parts

    def open(self, path: str) -> BinaryIO:
        return self._files.open(path)

    def list(self, prefix: str = "") -> Iterator[str]:
        return filter(self._fits, self._files.list(prefix))

    def _fits(self, path: str) -> bool:
        parts = PurePosixPath(path).parts
        return len(parts) == len(self._glob) and all(map(fnmatchcase, parts, self._glob))


def source_files(root: str) -> Files:
    """The files at a path or URI, or those that fit a glob (`set/train-*.tar`).

    Raises InputError where there are none.
    """
    uri = parse_location(root).uri
    files = _files(uri)
    if _is_empty(files) and (glob := _glob_in(uri)):
        files = MatchingFiles(_files(uri.removesuffix(glob)), glob)
    if _is_empty(files):
        raise InputError("no files there", uri, "Check source.root.")
    return files


def source_digest(files: Files, carriers: tuple[str, ...] = ()) -> str:
    """SHA-256 of what the root holds: every path, and the bytes of everything that holds no image.

    Images stand for themselves in the shards; reading each of them twice would double the cost of a large
    set. So only the size of a file counts that carries images, with one of the suffixes `carriers`.
    """
    digest = hashlib.sha256()
    for path in [""] if _is_single(files) else files.list():
        digest.update(f"{path}\n".encode(errors="surrogateescape"))
        name = (path or files.root).lower()
        if name.endswith(carriers):
            with files.open(path) as file:
                digest.update(f"{file.seek(0, io.SEEK_END)}\n".encode())
        elif not name.endswith(IMAGE_SUFFIXES):
            with files.open(path) as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
    return digest.hexdigest()


def _files(uri: str) -> Files:
    location = parse_location(uri)
    return LocalFiles(Path(location.uri)) if location.is_local else StoredFiles(location.uri)


def _glob_in(uri: str) -> str:
    """The parts of a path from the first one on that has a wildcard; "" where none has."""
    parts = uri.split("/")
    first = next((number for number, part in enumerate(parts) if set("*?[") & set(part)), len(parts))
    return "/".join(parts[first:])


def _is_empty(files: Files) -> bool:
    return not _is_single(files) and next(iter(files.list()), None) is None


def _is_single(files: Files) -> bool:
    try:
        files.open("").close()
    except FileNotFoundError:
        return False
    return True
