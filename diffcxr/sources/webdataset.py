"""A WebDataset, tar archives in which the files of a sample follow each other, as rows.

Source: the layout that https://github.com/webdataset/webdataset reads (`tariterators.group_by_keys`).
"""

from __future__ import annotations

import json
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from diffcxr.errors import InputError
from diffcxr.sources.files import Files
from diffcxr.sources.film import IMAGE_SUFFIXES, MAX_FILM_BYTES
from diffcxr.sources.path_pattern import PathPattern, said_by
from diffcxr.sources.record_rows import by_own_names, record_rows
from diffcxr.sources.records import Record
from diffcxr.sources.report_text import MAX_BYTES, is_text, printable, report_text
from diffcxr.sources.row import Reject, RejectedError, Row

SUFFIXES = (".tar", ".tar.gz", ".tgz")
_NAME = re.compile(r"(?P<key>(?:.*/)?[^./]+)\.(?P<extension>[^/]*)", re.DOTALL)
_META = re.compile(r"__[^/]*__($|/)")  # WebDataset's own notes, in no sample
_KINDS = {suffix[1:]: "image" for suffix in IMAGE_SUFFIXES} | {"txt": "text", "text": "text", "json": "json"}
_MOST = {"image": MAX_FILM_BYTES, "text": MAX_BYTES, "json": 1 << 20}
_BLOCK = 1 << 20
_FIX = "source.root is a .tar, a folder that holds some, or a glob like set/train-*.tar."
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, ValueError, OverflowError)
"""What reading a damaged archive raises: tarfile lets some errors of its own parsing out."""
_DAMAGED_HEADER = (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError)  # type: ignore[attr-defined]


def webdataset_rows(
    files: Files, pattern: PathPattern | None = None, images: bool = True
) -> Iterator[Row | Reject]:
    """Yields a row a sample of the root's archives (SUFFIXES), in their order; the rest are Rejects.

    Consecutive members whose paths are equal up to the first dot of their names are a sample. Its `image` is
    the member with an image's extension, `text` that with txt, and its json's fields are columns, as
    `record_rows` and ALIASES name them; its key is the `report_id`, unless the json names one or `pattern`
    reads it. Raises InputError where there is no archive, or one is damaged.
    """
    return record_rows(_records(files, pattern, images), files)


@dataclass(slots=True)
class _Sample:
    key: str
    members: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # kind -> extension, bytes
    fault: str = ""

    def add(self, kind: str, extension: str, data: bytes) -> None:
        """Keeps the member, or what is wrong with it: `png` comes before `mask.png`."""
        if kind not in self.members or ("." in self.members[kind][0] and "." not in extension):
            self.members[kind] = extension, data
        elif "." not in extension or "." in self.members[kind][0]:
            self.fault = f"more than one {kind}"

    def data(self, kind: str) -> bytes | None:
        held = self.members.get(kind)
        return None if held is None else held[1]


def _records(files: Files, pattern: PathPattern | None, images: bool) -> Iterator[Record | Reject]:
    paths = [path for path in files.list() if path.lower().endswith(SUFFIXES)]
    if not paths and files.root.lower().endswith(SUFFIXES):
        paths = [""]
    if not paths:
        raise InputError("no .tar archives", files.root, _FIX)
    for path in paths:
        where = f"{files.root}/{path}" if path else files.root
        with files.open(path) as file:
            for sample in _samples(file, where):
                try:
                    yield _record(sample, pattern, images)
                except RejectedError as error:
                    yield Reject(report_id=printable(sample.key), reason=error.reason)


def _record(sample: _Sample, pattern: PathPattern | None, images: bool) -> Record:
    """Raises RejectedError."""
    if not is_text(sample.key):
        raise RejectedError("wrong encoding")
    said: Record | None = said_by(sample.key, pattern)
    if said is None:
        raise RejectedError("path does not fit source.pattern")
    if sample.fault:
        raise RejectedError(sample.fault)
    data, image, text = (sample.data(kind) for kind in ("json", "image", "text"))
    fields = {} if data is None else by_own_names(_json_fields(data))
    if pattern is None and "report_id" not in fields:
        said["sample_index"] = 0  # a key names one sample: a second one is a duplicate, not another film
    record = said | fields
    record.pop("image", None)
    if text is not None:
        record["text"] = report_text(text)
    if images:
        if image is None:
            raise RejectedError("missing image")
        record["image"] = {"bytes": image, "path": f"{sample.key}.{sample.members['image'][0]}"}
    return record


def _json_fields(data: bytes) -> Record:
    """Raises RejectedError unless they are a JSON object of text that UTF-8 can hold."""
    if len(data) > _MOST["json"]:
        raise RejectedError("json too large")
    try:
        fields: Any = json.loads(data)
        json.dumps(fields, ensure_ascii=False).encode()  # "\ud800" is JSON, and no text
    except (ValueError, RecursionError) as error:
        raise RejectedError("damaged json") from error
    if not isinstance(fields, dict):
        raise RejectedError("damaged json")
    return fields


def _samples(file: BinaryIO, where: str) -> Iterator[_Sample]:
    """The samples of an archive, one after the other. Raises InputError where it is damaged."""
    sample: _Sample | None = None
    for key, extension, data in _members(file, where):
        if sample is None or sample.key != key:
            if sample is not None:
                yield sample
            sample = _Sample(key)
        if data is not None:
            sample.add(_KINDS[_last(extension)], extension, data)
    if sample is not None:
        yield sample


def _members(file: BinaryIO, where: str) -> Iterator[tuple[str, str, bytes | None]]:
    """Key, lower-case extension and bytes of each member: one more than the most of its kind, at most.

    None for a member of no kind that is read.
    """
    try:
        with tarfile.open(fileobj=file, mode="r|*", bufsize=_BLOCK, tarinfo=_Header) as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep every header
                name = _NAME.fullmatch(member.name.removeprefix("./"))
                if not member.isreg() or name is None or _META.match(member.name):
                    continue
                extension = name["extension"].lower()
                kind = _KINDS.get(_last(extension))
                reader = None if kind is None else archive.extractfile(member)
                data = None
                if kind is not None and reader is not None:
                    data = reader.read(min(member.size, _MOST[kind] + 1))  # it allocates what it is asked for
                yield name["key"], extension, data
    except _DAMAGE as error:
        raise InputError("the archive is damaged", where, "Fetch it again.") from error


def _last(extension: str) -> str:
    return extension.rpartition(".")[2]


class _Header(tarfile.TarInfo):
    """A header whose damage is an error; tarfile takes a damaged one for the archive's end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> _Header:
        try:
            return super().fromtarfile(tarfile_)
        except _DAMAGED_HEADER as error:
            raise tarfile.ReadError(str(error)) from error
