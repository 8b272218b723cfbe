"""Films as the page holds them: bytes of PNG, JPEG or WebP become data URIs of bounded size."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cluster.codec import decode_image
from diffcxr.errors import InputError

_MOST_BYTES = 40_000  # a film kept verbatim; a heavier one is shrunk and encoded again
_SIDE = 384  # pixels of the longer side of a film that was encoded again
_THUMBNAIL = 160


@dataclass(frozen=True, slots=True)
class Film:
    """What an <img> needs: a data URI, its size in pixels, its alternative text; `small` decorates."""

    source: str
    width: int
    height: int
    alt: str
    small: str


def film(data: bytes, alt: str) -> Film | None:
    """The film of PNG, JPEG or WebP bytes; None where they are no such, are damaged, or hold too many pixels.

    Small films are kept as they are, byte for byte; heavier ones become JPEG, 384 pixels on the longer side.
    """
    try:
        pixels = decode_image(data)
    except InputError:
        return None
    height, width = pixels.shape[:2]
    if len(data) <= _MOST_BYTES:
        source = _uri(data, _kind(data))
    else:
        shrunk, (width, height) = _shrunk(pixels, _SIDE)
        source = _uri(shrunk, "jpeg")
    return Film(source, width, height, alt, _uri(_shrunk(pixels, _THUMBNAIL)[0], "jpeg"))


def _kind(data: bytes) -> str:
    if data.startswith(b"RIFF"):
        return "webp"
    return "png" if data.startswith(b"\x89PNG") else "jpeg"


def _uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _shrunk(pixels: NDArray[np.uint8], side: int) -> tuple[bytes, tuple[int, int]]:
    picture = Image.fromarray(pixels).convert("L")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82, optimize=True)
    return out.getvalue(), picture.size
