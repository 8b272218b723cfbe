"""A film's bytes, checked as far as can be done without decoding it."""

from __future__ import annotations

import io
from pathlib import PurePosixPath

from PIL import Image, UnidentifiedImageError

from diffcxr.sources.files import Files
from diffcxr.sources.row import RejectedError

MAX_FILM_BYTES = 64 << 20
MAX_FILM_PIXELS = 64_000_000  # a digital detector has 10 to 20 million; beyond is a decompression bomb

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".dcm", ".tif", ".tiff", ".bmp", ".gif")
"""What files of images are called, of kinds that can be read and of others."""

_FORMATS = ("PNG", "JPEG", "WEBP")
_LAST_CHUNK = {"PNG": b"IEND", "JPEG": b"\xff\xd9"}
_MAX_PATH = 1024


class FilmError(RejectedError):
    """A film that cannot be used."""


def read_film(files: Files, path: str) -> bytes:
    """The PNG, JPEG or WebP file at `path` below the root, verbatim.

    Raises FilmError: the path leaves the root, or it is missing, too large, none of these, or cut short.
    """
    if not _stays_below(path):
        raise FilmError("image path leaves the root")
    if max(map(len, PurePosixPath(path).parts)) > 255 or len(path) > _MAX_PATH:
        raise FilmError("missing image")  # no file system holds such a name
    try:
        with files.open(path) as file:
            data = file.read(MAX_FILM_BYTES + 1)
    except FileNotFoundError as error:
        raise FilmError("missing image") from error
    check_film(data)
    return data


def check_film(data: bytes) -> None:
    """Raises FilmError unless `data` begins and ends as a PNG, JPEG or WebP of an acceptable size."""
    if len(data) > MAX_FILM_BYTES:
        raise FilmError("image too large")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            (width, height), kind = image.size, image.format
    except Image.DecompressionBombError as error:
        raise FilmError("image too large") from error
    # Pillow's readers let several kinds of error out on damaged headers
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise FilmError("unreadable image") from error
    if width * height > MAX_FILM_PIXELS:
        raise FilmError("image too large")
    if not _is_whole(data, str(kind)):
        raise FilmError("unreadable image")


def _is_whole(data: bytes, kind: str) -> bool:
    if kind == "WEBP":  # RIFF: eight bytes, then as many as they say
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return _LAST_CHUNK[kind] in data[-4096:]


def _stays_below(path: str) -> bool:
    pure = PurePosixPath(path)
    return not (
        not pure.parts
        or pure.is_absolute()
        or ".." in pure.parts
        or "\\" in path
        or "\0" in path
        or "://" in path
    )
