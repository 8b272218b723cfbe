import zipfile

import pytest

from diffcxr.sources.files import LocalFiles, ZippedFiles


def test_an_archive_is_read_as_the_folder_that_it_was_made_of(tmp_path):
    folder = tmp_path / "folder"
    for path in ("b/2.txt", "b/1.txt", "a.txt"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.mkdir("b")
        for path in folder.rglob("*.txt"):
            archive.write(path, path.relative_to(folder))
    with (tmp_path / "all.zip").open("rb") as file:
        zipped, plain = ZippedFiles(file, "all.zip"), LocalFiles(folder)
        for prefix in ("", "b/", "b/2"):
            assert list(zipped.list(prefix)) == list(plain.list(prefix))
        for path in plain.list():
            with zipped.open(path) as member:
                assert member.read().decode() == path
        for missing in ("c.txt", "b"):
            with pytest.raises(FileNotFoundError):
                zipped.open(missing)
