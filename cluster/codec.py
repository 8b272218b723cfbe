"""Images as bytes and back: the one image codec path. Every file made here says that it is synthetic."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, PngImagePlugin, UnidentifiedImageError

from diffcxr.errors import InputError

ImageFormat = Literal["png", "jpeg"]

JPEG_QUALITY = 95
MAX_PIXELS = 64 * 2**20
"""The largest image that is decoded, for a small file can claim to be any size."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a generated file says about itself (DESIGN 9)."""

    model: str  # the model's digest
    run: str  # the run's fingerprint
    seed: int

    def __str__(self) -> str:
        origin = f"model={self.model} run={self.run} seed={self.seed}"
        return f"Synthetic image, made by diffcxr; not a patient. {origin}"


def to_uint8(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """uint8 (H, W), or (H, W, 3), of a float image (H, W[, C]) in [0, 1]; values outside are clipped."""
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    scaled: NDArray[np.uint8] = (np.clip(image, 0.0, 1.0) * 255.0).round().astype(np.uint8)
    return scaled


def encode_image(image: NDArray[np.floating], format: ImageFormat, provenance: Provenance | str) -> bytes:
    """PNG or JPEG bytes of a float image (H, W[, C]) in [0, 1]; equal input gives equal bytes.

    `provenance` is what the file says about itself.
    """
    picture = Image.fromarray(to_uint8(image))
    data = io.BytesIO()
    if format == "png":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", str(provenance))
        picture.save(data, "PNG", pnginfo=text, compress_level=6)
    else:
        picture.save(data, "JPEG", quality=JPEG_QUALITY, comment=str(provenance).encode())
    return data.getvalue()


def provenance_note(data: bytes) -> str | None:
    """What an image file says of its origin; None where it says nothing."""
    with _open(data) as picture:
        note = picture.info.get("Comment", picture.info.get("comment"))
    return note.decode("utf-8", "replace") if isinstance(note, bytes) else note


def image_size(data: bytes) -> tuple[int, int]:
    """(width, height) in pixels, from the header alone. Raises InputError as `decode_image` does."""
    with _open(data) as picture:
        return picture.width, picture.height


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """uint8 (H, W), or (H, W, 3) for colour, of PNG, JPEG or WebP bytes; 16-bit films keep their 8 high bits.

    Raises InputError for bytes that are none of these, damaged, or larger than MAX_PIXELS.
    """
    with _open(data) as picture:
        try:
            picture.load()
        except (OSError, SyntaxError, ValueError) as error:  # Pillow's words for truncated and damaged files
            raise InputError(
                "image is damaged", f"{len(data)} bytes", "Repair or leave out that film."
            ) from error
        if picture.mode.startswith("I"):  # 16-bit PNG: Pillow's own conversion to 8 bits clips at 255
            return (np.asarray(picture).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8)
        grey = picture.mode in ("1", "L", "LA", "La")
        return np.asarray(picture.convert("L" if grey else "RGB"), dtype=np.uint8)


def _open(data: bytes) -> ImageFile.ImageFile:
    try:
        picture = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError("image is no PNG, JPEG or WebP, or is damaged", f"{len(data)} bytes") from error
    if picture.width * picture.height > MAX_PIXELS:
        raise InputError(
            "image is too large", f"{picture.width} x {picture.height} pixels", "Scale it down first."
        )
    return picture
