import io

import pytest
from PIL import Image

from diffcxr.sources.film import FilmError, check_film


def webp(**how: object) -> bytes:
    data = io.BytesIO()
    Image.radial_gradient("L").save(data, "WEBP", **how)
    return data.getvalue()


@pytest.mark.parametrize("how", [{"lossless": True}, {"quality": 80}, {"quality": 80, "exif": b"a note"}])
def test_a_webp_film_is_taken_whole_and_not_when_it_is_cut(how: dict[str, object]) -> None:
    data = webp(**how)
    check_film(data)
    with pytest.raises(FilmError, match="unreadable image"):
        check_film(data[:-1])
