from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cluster.corpus import Corpus
from cluster.training_data import decode_film, read_training_data
from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14
from tests.cluster.films import film_rows, write_films
from tests.cluster.rows import rows


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def images_of(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The shards whose images were read."""
    read, shards = Corpus.read, []

    def note(corpus: Corpus, number: int, columns: list[str] | None = None) -> object:
        if columns is None or "image" in columns:
            shards.append(number)
        return read(corpus, number, columns)

    monkeypatch.setattr(Corpus, "read", note)
    return shards


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_film_comes_at_the_size_asked_for() -> None:
    film = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    np.testing.assert_array_equal(decode_film(png(film), 64), film)
    assert decode_film(png(film), 32).shape == (32, 32)
    assert decode_film(png(film), 128).shape == (128, 128)


def test_a_sixteen_bit_film_keeps_its_range() -> None:
    film = np.array([[0, 0x8000], [0xC000, 0xFFFF]], np.uint16).repeat(8, 0).repeat(8, 1)
    small = decode_film(png(film), 16)
    assert [small[0, 0], small[0, -1], small[-1, 0], small[-1, -1]] == [0, 0x80, 0xC0, 0xFF]


def test_a_damaged_film_is_one_line() -> None:
    with pytest.raises(InputError):
        decode_film(png(np.zeros((16, 16), np.uint8))[:40], 16)


def test_films_without_a_text_are_left_out_of_what_reads_them(tmp_path: Path) -> None:
    films = [replace(row, text=text) for row, text in zip(rows(3), ("One.", " ", "Two."), strict=True)]
    read = read_training_data(write_films(tmp_path / "some", films), "train", 8).with_texts("here")
    assert (read.texts, len(read.films), len(read.labels)) == (["One.", "Two."], 2, 2)
    silent = [replace(row, text="") for row in films]
    with pytest.raises(InputError, match="no film has a report text: here"):
        read_training_data(write_films(tmp_path / "none", silent), "train", 8).with_texts("here")


def test_films_of_other_views_are_left_out(tmp_path: Path) -> None:
    views = ("PA", "LATERAL", "AP", None)
    films = [replace(row, view=view) for row, view in zip(rows(4), views, strict=True)]
    corpus = write_films(tmp_path, films, cuts=[2])
    assert len(read_training_data(corpus, "train", 8).films) == 4
    frontal = read_training_data(corpus, "train", 8, views=["PA", "AP"])
    assert frontal.texts == [films[0].text, films[2].text]
    with pytest.raises(InputError, match="no films in split test of views PA"):
        read_training_data(corpus, "test", 8, views=["PA"])


def test_films_texts_and_labels_belong_together_and_keep_the_corpus_s_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    films = film_rows(60, seed=1)
    films[5], films[40] = replace(films[5], image=None), replace(films[40], image=b"")
    for again in ("decoded", "kept"):
        read = read_training_data(write_films(tmp_path / again, films, cuts=[1, 20, 41]), None, 16)
        shown = [row for row in films if row.image]
        assert len(shown) == 58
        np.testing.assert_array_equal(read.films, [decode_film(row.image or b"", 16) for row in shown])
        assert read.texts == [row.text for row in shown]
        edema = [-1 if row.labels is None else row.labels["Edema"] or 0 for row in shown]
        assert read.labels[:, list(CHEXPERT_14).index("Edema")].tolist() == edema
        assert set(edema) == {-1, 0, 1}


def test_images_are_read_only_of_shards_with_wanted_films_and_only_once(
    tmp_path: Path, images_of: list[int]
) -> None:
    films = [replace(row, split="test" if 2 <= n < 6 else "train") for n, row in enumerate(rows(8))]
    films[7] = replace(films[7], image=None)
    corpus = write_films(tmp_path / "corpus", films, cuts=[2, 4, 6, 7])
    removed = {(films[0].report_id, 0), (films[1].report_id, 0)}
    first = read_training_data(corpus, "train", 8, removed)
    assert images_of == [3] and first.texts == [films[6].text]
    again = read_training_data(corpus, "train", 8, removed)
    assert images_of == [3] and again.texts == first.texts
    np.testing.assert_array_equal(again.films, first.films)
    assert read_training_data(corpus, "train", 16, removed).films.shape == (1, 16, 16)
    assert read_training_data(corpus, "train", 8).texts == [films[n].text for n in (0, 1, 6)]
    assert images_of == [3, 3, 0, 3]


def test_a_digest_is_of_the_films_wherever_they_lie(tmp_path: Path) -> None:
    films = [replace(row, text=" " if n == 1 else row.text) for n, row in enumerate(rows(4))]
    here, there = (write_films(tmp_path / name, films, cuts=[2]) for name in ("here", "there"))
    read = read_training_data(here, "train", 8)
    assert read_training_data(there, "train", 8).digest == read.digest
    others = (
        read_training_data(here, "train", 16),
        read_training_data(here, "train", 8, {(films[0].report_id, 0)}),
        read_training_data(write_films(tmp_path / "three", films[:3], cuts=[2]), "train", 8),
        read.with_texts("here"),
    )
    assert len({data.digest for data in (read, *others)}) == 5


def test_who_watches_hears_of_every_film_that_is_decoded_and_of_none_that_is_kept(tmp_path: Path) -> None:
    heard: list[tuple[str, int]] = []

    @contextmanager
    def watch(total: int) -> Iterator[Callable[[int], None]]:
        heard.append(("total", total))
        yield lambda count: heard.append(("done", count))

    films = rows(5)
    films[3] = replace(films[3], image=b"")
    corpus = write_films(tmp_path / "corpus", films, cuts=[2])
    for _ in range(2):
        assert len(read_training_data(corpus, "train", 8, watch=watch).films) == 4
    assert heard[0] == ("total", 5) and len(heard) <= 7
    assert sum(count for said, count in heard if said == "done") == 5


def test_a_damaged_film_is_named_each_time_and_nothing_is_kept(tmp_path: Path, cache: Path) -> None:
    films = rows(6)
    films[4] = replace(films[4], image=(films[4].image or b"")[:40])
    corpus = write_films(tmp_path / "corpus", films, cuts=[2])
    for _ in range(2):
        with pytest.raises(InputError, match="film 0 of study-00004"):
            read_training_data(corpus, "train", 8)
    assert not list(cache.rglob("*.safetensors"))


def test_a_corpus_whose_films_are_all_empty_has_none(tmp_path: Path) -> None:
    for image in (None, b""):
        corpus = write_films(tmp_path / f"{image!r}", [replace(row, image=image) for row in rows(2)])
        with pytest.raises(InputError, match="no films in split train"):
            read_training_data(corpus, "train", 8)
