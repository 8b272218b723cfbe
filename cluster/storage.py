"""A folder at a URI, on a disk or in a bucket: read, list, and create an object once."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError

from cluster.storage_connection import Connection
from cluster.storage_errors import Action, MissingError, explained
from cluster.storage_location import Location, parse_location

if TYPE_CHECKING:
    from obstore.store import ObjectStore

T = TypeVar("T")

READ_AHEAD = 1 << 20  # bytes an opened object fetches at a time


@dataclass(frozen=True, slots=True)
class Stored:
    """An object below a storage's folder."""

    path: str  # relative to the folder
    size: int  # bytes
    modified: datetime


class Storage:
    """A folder at a URI; `path`s are relative to it, with `/` between their parts.

    Every method raises MissingError where the object (or bucket) does not exist, UnavailableError where the
    store does not answer, and InputError for other refusals (credentials, read-only, disk full), each in one
    line. It pickles as its URI: the process that unpickles it connects with its own credentials.
    """

    def __init__(self, location: Location, connection: Connection) -> None:
        self._location, self._connection = location, connection

    @classmethod
    def at(cls, uri: str | Path) -> Storage:
        """The folder at a URI (file://, s3://, gs://, az://) or a plain path, which need not exist."""
        location = parse_location(str(uri))
        return cls(location, Connection(location))

    @property
    def uri(self) -> str:
        """Where it is: a URI, or an absolute path on the local disk."""
        return self._location.uri

    @property
    def is_local(self) -> bool:
        return self._location.is_local

    def child(self, path: str) -> Storage:
        """The folder at `path` below this one, through the same connection."""
        return Storage(self._location.child(path), self._connection)

    def __repr__(self) -> str:
        return f"Storage({self.uri!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Storage) and other.uri == self.uri

    def __hash__(self) -> int:
        return hash(self.uri)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Storage.at, (self.uri,)

    def read(self, path: str) -> bytes:
        """The object's bytes."""
        return self._ask(path, "read", lambda store: bytes(obstore.get(store, self._key(path)).bytes()))

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start`; a negative `start` reads the last `-start` bytes."""
        key = self._key(path)
        if start < 0:
            return self._ask(path, "read", lambda store: _read_suffix(store, key, -start))
        return self._ask(
            path, "read", lambda store: bytes(obstore.get_range(store, key, start=start, length=length))
        )

    def create(self, path: str, data: bytes) -> bool:
        """True when the object came into being here, whole and at once; False when it existed already."""
        key = self._key(path)
        return self._ask(path, "write", lambda store: _create(store, key, data))

    def replace(self, path: str, data: bytes) -> None:
        """Writes the object whether or not it exists: for views only, never for what was committed."""
        key = self._key(path)
        self._ask(
            path, "write", lambda store: obstore.put(store, key, data, mode="overwrite", use_multipart=False)
        )

    def delete(self, path: str) -> None:
        """Removes a view or a probe; committed objects stay. Quiet where there is none."""
        self._ask(path, "write", lambda store: _delete(store, self._key(path)))

    def exists(self, path: str) -> bool:
        return self.size(path) is not None

    def size(self, path: str) -> int | None:
        """Bytes of the object, or None. Raises MissingError where even the bucket is missing."""
        try:
            return self._ask(path, "read", lambda store: _size(store, self._key(path)))
        except MissingError as error:
            if error.bucket_is_missing:
                raise
            return None

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Objects below the folder `prefix`, at any depth, sorted by path; none where it does not exist."""
        base, key = self._location.key, self._key(prefix) or None
        found = self._ask(
            prefix, "list", lambda store: list(chain(*obstore.list(store, key, chunk_size=1000)))
        )
        listed = (
            Stored(meta["path"].removeprefix(base).lstrip("/"), meta["size"], meta["last_modified"])
            for meta in found
        )
        yield from sorted(listed, key=lambda stored: stored.path)

    def open(self, path: str) -> BinaryIO:
        """A buffered, seekable reader of the object; whoever opened it closes it."""
        if self.is_local:
            with explained(self._where(path), "read"):
                return Path(self._where(path)).open("rb")
        size = self.size(path)
        if size is None:
            raise MissingError("no such object", self._where(path), "Check the spelling.")
        return cast("BinaryIO", io.BufferedReader(_Ranges(self, path, size), buffer_size=READ_AHEAD))

    def check_writable(self) -> None:
        """Raises InputError where an object could not be created; leaves nothing behind."""
        if self.is_local:
            folder = Path(self.uri)
            while not folder.exists():
                folder = folder.parent
            with explained(self.uri, "write"), tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"probe")
                file.flush()
            return
        probe = f".probe-{uuid.uuid4().hex}"
        self.create(probe, b"")
        self.delete(probe)

    def _ask(self, path: str, action: Action, call: Callable[[ObjectStore], T]) -> T:
        return self._connection.ask(self._where(path), action, call)

    def _key(self, path: str) -> str:
        return self._location.child(path).key

    def _where(self, path: str) -> str:
        return self._location.child(path).uri


def _create(store: ObjectStore, key: str, data: bytes) -> bool:
    try:
        # One put and no multipart upload: S3 takes If-None-Match on the object as a whole (DESIGN 5).
        obstore.put(store, key, data, mode="create", use_multipart=False)
    except AlreadyExistsError as error:
        if "status code: 409" in str(error):  # another create is under way, and may still fail
            raise
        return False
    return True


def _delete(store: ObjectStore, key: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        obstore.delete(store, key)


def _size(store: ObjectStore, key: str) -> int:
    try:
        return obstore.head(store, key)["size"]
    except BaseError as error:
        if not re.search(r"status code: 40[03]", str(error)):
            raise
    # S3 answers HEAD without a body, and so without a reason: a GET is told whether the keys have expired.
    return obstore.get(store, key).meta["size"]  # its body is not read


def _read_suffix(store: ObjectStore, key: str, length: int) -> bytes:
    try:
        return bytes(obstore.get(store, key, options={"range": {"suffix": length}}).bytes())
    except BaseError as error:
        if "status code: 416" not in str(error):  # Range Not Satisfiable: the object is empty
            raise
        return b""


class _Ranges(io.RawIOBase):
    """An object as a raw seekable stream of ranged reads."""

    def __init__(self, storage: Storage, path: str, size: int) -> None:
        self._storage, self._path, self._size = storage, path, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        length = min(len(buffer), self._size - self._position)
        if length <= 0:
            return 0
        data = self._storage.read_range(self._path, self._position, length)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
