"""The codec: equal bytes for equal images, a note of origin in each, nothing decoded but films."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from cluster.codec import Provenance, decode_image, encode_image, provenance_note
from diffcxr.errors import InputError

PROVENANCE = Provenance(model="sha256:abc", run="def", seed=7)
FILM = np.linspace(0, 1, 64 * 48, dtype=np.float32).reshape(64, 48)


def bytes_of(picture: Image.Image, format: str = "PNG") -> bytes:
    data = io.BytesIO()
    picture.save(data, format)
    return data.getvalue()


def test_png_keeps_every_pixel_of_a_grey_film() -> None:
    decoded = decode_image(encode_image(FILM[:, :, None], "png", PROVENANCE))
    assert decoded.shape == (64, 48)
    assert np.array_equal(decoded, (FILM * 255).round().astype(np.uint8))


def test_colour_stays_colour() -> None:
    film = np.stack([FILM, FILM[::-1], 1 - FILM], axis=-1)
    assert np.array_equal(
        decode_image(encode_image(film, "png", PROVENANCE)), (film * 255).round().astype(np.uint8)
    )


def test_jpeg_is_close() -> None:
    decoded = decode_image(encode_image(FILM, "jpeg", PROVENANCE))
    assert np.abs(decoded / 255.0 - FILM).max() < 0.02


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_each_file_says_that_it_is_synthetic_and_from_what(format: str) -> None:
    data = encode_image(FILM, format, PROVENANCE)
    note = provenance_note(data)
    assert note is not None
    assert note.startswith("Synthetic image")
    assert all(part in note for part in ("model=sha256:abc", "run=def", "seed=7"))
    assert data == encode_image(FILM.copy(), format, PROVENANCE)


def test_values_outside_the_range_are_clipped() -> None:
    decoded = decode_image(encode_image(np.array([[-0.5, 1.5]], dtype=np.float32), "png", PROVENANCE))
    assert decoded.tolist() == [[0, 255]]


def test_sixteen_bit_films_keep_their_high_bits() -> None:
    film = np.array([[0, 256, 65535]], dtype=np.uint16)
    assert decode_image(bytes_of(Image.fromarray(film))).tolist() == [[0, 1, 255]]


def test_a_small_file_that_claims_a_huge_image_is_not_decoded() -> None:
    header = bytearray(bytes_of(Image.new("L", (8, 8))))
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(bytes(header[12:29])).to_bytes(4, "big")
    with pytest.raises(InputError, match=r"too large|damaged"):
        decode_image(bytes(header))


@pytest.mark.parametrize("damaged", [b"", b"no image", encode_image(FILM, "png", PROVENANCE)[:200]])
def test_what_is_no_image_is_an_input_error(damaged: bytes) -> None:
    with pytest.raises(InputError):
        decode_image(damaged)


def test_a_webp_film_of_others_is_read_as_it_was_drawn() -> None:
    drawn = (FILM * 255).round().astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(drawn).save(data, "WEBP", lossless=True)
    decoded = decode_image(data.getvalue())  # WebP knows no grey: three equal channels
    assert np.array_equal(decoded, np.stack([drawn] * 3, axis=-1))


def test_other_formats_are_not_opened() -> None:
    with pytest.raises(InputError, match="no PNG, JPEG or WebP"):
        decode_image(bytes_of(Image.new("L", (8, 8)), "TIFF"))
