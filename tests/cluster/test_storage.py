import errno
import io
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.storage import Storage
from cluster.storage_errors import MissingError, UnavailableError, explain, on_the_way
from cluster.storage_location import parse_location
from diffcxr.errors import IncompleteError, InputError
from tests.s3_server import S3Server


def test_an_object_is_created_once_and_then_stays(uri: str) -> None:
    storage = Storage.at(uri)
    assert storage.create("shards/a", b"first")
    assert not storage.create("shards/a", b"second")
    assert storage.read("shards/a") == b"first"


def test_of_32_racing_writers_exactly_one_wins(uri: str) -> None:
    storage = Storage.at(uri)
    bodies = [f"writer {number}".encode() * 1000 for number in range(32)]
    with ThreadPoolExecutor(32) as pool:
        won = list(pool.map(lambda body: storage.create("shards/a", body), bodies))
    assert won.count(True) == 1
    assert storage.read("shards/a") == bodies[won.index(True)]


def test_a_view_can_be_replaced_and_deleted(uri: str) -> None:
    storage = Storage.at(uri)
    storage.replace("summary.json", b"1")
    storage.replace("summary.json", b"2")
    assert storage.read("summary.json") == b"2"
    storage.delete("summary.json")
    storage.delete("summary.json")
    assert not storage.exists("summary.json")


def test_a_listing_is_sorted_relative_and_ends_at_its_folder(uri: str) -> None:
    storage = Storage.at(uri)
    for path in ("b/2", "b/10", "a", "bb/1"):
        storage.create(path, path.encode())
    assert [(stored.path, stored.size) for stored in storage.list()] == [
        ("a", 1),
        ("b/10", 4),
        ("b/2", 3),
        ("bb/1", 4),
    ]
    assert [stored.path for stored in storage.list("b")] == ["b/10", "b/2"]
    assert [stored.path for stored in storage.child("b").list()] == ["10", "2"]
    assert list(storage.list("nothing")) == []


@pytest.mark.parametrize("path", ["Müller %20 50%", "a#1/b", "q?x=1&y", "plus+plus"])
def test_names_are_taken_as_they_are_typed(uri: str, path: str) -> None:
    storage = Storage.at(f"{uri}/{path}")
    storage.create(path, b"x")
    assert [stored.path for stored in Storage.at(f"{uri}/{path}").list()] == [path]
    assert Storage.at(uri).read(f"{path}/{path}") == b"x"


def test_ranges_are_cut_at_the_objects_ends(uri: str) -> None:
    storage = Storage.at(uri)
    storage.create("a", b"0123456789")
    storage.create("empty", b"")
    assert storage.read_range("a", 2, 3) == b"234"
    assert storage.read_range("a", 8, 100) == b"89"
    assert storage.read_range("a", -3, 3) == b"789"
    assert storage.read_range("a", -100, 100) == b"0123456789"
    assert storage.read_range("empty", -100, 100) == b""


def test_an_opened_object_reads_and_seeks_like_a_file(uri: str) -> None:
    data = os.urandom(3 << 20)
    storage = Storage.at(uri)
    storage.create("a", data)
    with storage.open("a") as file:
        expected = io.BytesIO(data)
        for offset, whence, length in [
            (5, 0, 10),
            (-7, 2, 100),
            (-3, 1, 2),
            (0, 0, -1),
            (2 << 20, 0, 1 << 20),
        ]:
            assert file.seek(offset, whence) == expected.seek(offset, whence)
            assert file.read(length) == expected.read(length)
            assert file.tell() == expected.tell()


def test_what_does_not_exist_is_missing_and_not_an_error_of_the_store(uri: str) -> None:
    storage = Storage.at(uri)
    assert storage.size("a") is None
    for read in (storage.read, storage.open, lambda path: storage.read_range(path, -10, 10)):
        with pytest.raises(MissingError, match=r"/a\b"):
            read("a")


def test_a_storage_pickles_as_its_uri(uri: str) -> None:
    storage = Storage.at(uri).child("shards")
    storage.create("a", b"x")
    copy = pickle.loads(pickle.dumps(storage))
    assert copy == storage and copy.read("a") == b"x"


def test_a_pickled_storage_holds_no_secret(s3_uri: str) -> None:
    assert os.environ["AWS_SECRET_ACCESS_KEY"].encode() not in pickle.dumps(Storage.at(s3_uri))


def test_checking_that_a_place_is_writable_leaves_nothing(uri: str) -> None:
    Storage.at(uri).check_writable()
    assert list(Storage.at(uri).list()) == []
    assert not Path(uri).exists()


def test_a_writer_killed_in_the_middle_leaves_nothing_that_is_listed(tmp_path: Path) -> None:
    size = 64 << 20
    code = (
        "import itertools, sys; from cluster.storage import Storage\n"
        f"storage, data = Storage.at(sys.argv[1]), b'x' * {size}\n"
        "for i in itertools.count(): storage.create(f'shards/{i}', data)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("shards/1*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    sizes = [stored.size for stored in Storage.at(tmp_path).list()]
    assert sizes and set(sizes) == {size}


def test_a_write_beyond_the_disks_limit_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from cluster.storage import Storage; from diffcxr.errors import InputError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "try: Storage.at(sys.argv[1]).create('a', b'x' * (4 << 20))\n"
        "except InputError as error: sys.stdout.write(str(error))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert "cannot write: file too large" in done.stdout and "\n" not in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk full"),
        (errno.EROFS, "read-only"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "denied"),
    ],
)
def test_a_full_or_read_only_disk_is_named(number: int, words: str) -> None:
    error = explain(OSError(number, os.strerror(number)), "/out", "write")
    assert words in str(error) and "/out" in str(error) and error.exit_code == 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_under_a_run_leaves_it_incomplete(number: int) -> None:
    with pytest.raises(IncompleteError, match="same command again"), on_the_way():
        raise explain(OSError(number, os.strerror(number)), "/out", "write")
    with pytest.raises(InputError), on_the_way():  # and what is set up wrongly stays wrong
        raise explain(OSError(errno.EROFS, "read-only"), "/out", "write")


def test_a_place_where_nothing_can_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in ("/proc/diffcxr/out", str(tmp_path / "file" / "out")):
        with pytest.raises(InputError, match="cannot write"):
            Storage.at(place).check_writable()
        with pytest.raises(InputError, match="cannot write"):
            Storage.at(place).create("a", b"x")


def test_an_identity_that_may_only_read_is_told_so(
    s3: S3Server, s3_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Storage.at(s3_uri).create("a", b"x")
    for name, value in s3.environment("reader").items():
        monkeypatch.setenv(name, value)
    reader = Storage.at(s3_uri)
    assert reader.read("a") == b"x"
    for write in (reader.check_writable, lambda: reader.create("b", b"x"), lambda: reader.replace("a", b"y")):
        with pytest.raises(InputError, match="no permission to write"):
            write()


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_wrong_credentials_are_told_in_one_line_without_them(
    s3_uri: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "not-the-right-one")
    storage = Storage.at(s3_uri)
    for call in (lambda: storage.read("a"), storage.check_writable, lambda: list(storage.list())):
        with pytest.raises(InputError, match="refused the credentials") as caught:
            call()
        assert "not-the-right-one" not in str(caught.value) and "\n" not in str(caught.value)


def test_no_credentials_are_told(s3_uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(InputError, match="no AWS credentials"):
        Storage.at(s3_uri)


def test_credentials_and_endpoint_may_come_from_a_profile(
    s3: S3Server, s3_uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env = s3.environment()
    for name in env:
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(
        f"[profile lab]\nregion = us-east-1\nendpoint_url = {env['AWS_ENDPOINT_URL']}\n"
        f"aws_access_key_id = {env['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {env['AWS_SECRET_ACCESS_KEY']}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    assert Storage.at(s3_uri).create("a", b"x")
    monkeypatch.setenv("AWS_PROFILE", "another")
    with pytest.raises(InputError, match="another"):
        Storage.at(s3_uri)


def test_a_dead_endpoint_is_told_within_seconds(s3_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    begun = time.monotonic()
    with pytest.raises(UnavailableError, match="does not answer"):
        Storage.at(s3_uri).exists("a")
    assert time.monotonic() - begun < 15


def test_a_missing_bucket_is_told_by_every_call(s3_uri: str) -> None:
    storage = Storage.at("s3://no-such-bucket-here/x")
    calls = [lambda: storage.read("a"), lambda: storage.create("a", b""), storage.check_writable]
    for call in [*calls, lambda: list(storage.list())]:
        with pytest.raises(MissingError, match="no such bucket"):
            call()


@pytest.mark.parametrize(
    "uri",
    [
        "s4://bucket/x",
        "s3:/bucket/x",
        "s3://",
        "s3:///x",
        "file://host/x",
        "",
        " ",
        "s3://user:secret@bucket/x",
    ],
)
def test_a_uri_with_a_slip_is_refused_and_shows_no_secret(uri: str) -> None:
    with pytest.raises(InputError) as caught:
        Storage.at(uri)
    assert "secret" not in str(caught.value)


def test_a_path_cannot_lead_out_of_its_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leads out"):
        Storage.at(tmp_path).read("../secret")


def test_a_plain_path_is_absolute_from_then_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = Storage.at("out/")
    monkeypatch.chdir("/")
    storage.create("a", b"x")
    assert (tmp_path / "out" / "a").read_bytes() == b"x"
    assert Storage.at(f"file://{tmp_path}/out") == storage


@given(st.lists(st.text("ab ä%#?+&", min_size=1, max_size=4), max_size=4))
def test_a_location_is_the_same_when_taken_apart_again(parts: list[str]) -> None:
    path = "/".join(part.strip() or "x" for part in parts)
    for uri in (f"s3://bucket/{path}", f"/root/{path}"):
        location = parse_location(uri)
        assert parse_location(location.uri) == location
