from pathlib import Path

import pytest

from cluster.source_files import source_digest, source_files
from cluster.storage import Storage
from diffcxr.errors import InputError

FILES = {"metadata.csv": b"image,report_id\n", "images/a.png": b"first film", "images/b.png": b"second film"}


def fill(uri: str) -> None:
    for path, data in FILES.items():
        Storage.at(uri).create(path, data)


def test_a_source_reads_its_files_in_the_same_way_wherever_they_lie(uri: str) -> None:
    fill(uri)
    files = source_files(uri)
    assert list(files.list()) == sorted(FILES)
    assert list(files.list("images/")) == ["images/a.png", "images/b.png"]
    assert list(files.list("images/b")) == ["images/b.png"]
    with files.open("images/a.png") as file:
        assert file.read() == b"first film" and file.seek(6) == 6 and file.read() == b"film"
    for missing in ("nothing", "images", ""):
        with pytest.raises(FileNotFoundError):
            files.open(missing)


def test_the_root_may_be_a_single_file(uri: str) -> None:
    fill(uri)
    with source_files(f"{uri}/metadata.csv").open("") as file:
        assert file.read() == FILES["metadata.csv"]


def test_a_root_without_files_is_an_input_error(uri: str) -> None:
    with pytest.raises(InputError, match=r"no files there.*source\.root"):
        source_files(f"{uri}/nothing")


def test_the_digest_is_that_of_the_files_and_not_of_their_place(uri: str, tmp_path: Path) -> None:
    fill(uri)
    fill(str(tmp_path / "copy"))
    assert source_digest(source_files(uri)) == source_digest(source_files(str(tmp_path / "copy")))


@pytest.mark.parametrize(("path", "data"), [("metadata.csv", b"image\n"), ("images/c.png", b"third film")])
def test_the_digest_sees_a_changed_table_and_a_new_film(tmp_path: Path, path: str, data: bytes) -> None:
    fill(str(tmp_path))
    before = source_digest(source_files(str(tmp_path)))
    Storage.at(tmp_path).replace(path, data)
    assert source_digest(source_files(str(tmp_path))) != before


def test_a_glob_takes_the_files_that_fit_it_and_no_others(uri: str) -> None:
    fill(uri)
    assert list(source_files(f"{uri}/images/*.png").list()) == ["a.png", "b.png"]
    assert list(source_files(f"{uri}/*/b.png").list()) == ["images/b.png"]
    assert list(source_files(f"{uri}/*.csv").list()) == ["metadata.csv"]
    with pytest.raises(InputError, match=r"no files there.*nothing-\*"):
        source_files(f"{uri}/nothing-*")
    Storage.at(uri).create("set[1]/a.png", b"third film")
    assert list(source_files(f"{uri}/set[1]").list()) == ["a.png"]  # as it is called, before what it may mean


def test_files_that_carry_images_are_told_by_their_size(tmp_path: Path) -> None:
    fill(str(tmp_path))
    before = source_digest(source_files(str(tmp_path)), carriers=(".csv",))
    Storage.at(tmp_path).replace("metadata.csv", b"image,reportXid\n")
    assert source_digest(source_files(str(tmp_path)), carriers=(".csv",)) == before
    Storage.at(tmp_path).replace("metadata.csv", b"image\n")
    assert source_digest(source_files(str(tmp_path)), carriers=(".csv",)) != before
