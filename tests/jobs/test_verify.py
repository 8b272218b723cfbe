import json
from pathlib import Path

import pytest

from cluster.shard import shard_path
from cluster.storage import Storage
from jobs.command import main
from tests.s3_server import S3Server


@pytest.fixture
def corpus(uri: str, capsys: pytest.CaptureFixture[str]) -> Storage:
    arguments = ["source=phantom", "source.rows=6", "source.images=false", "shard_rows=2", "workers=1"]
    assert main(["corpus", *arguments, f"output={uri}"]) == 0
    capsys.readouterr()
    return Storage.at(uri)


def verify(corpus: Storage, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code and the line on standard error, "" where there is none."""
    code = main(["verify", f"output={corpus.uri}"])
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("diffcxr verify:")]
    assert len(lines) == (code != 0)
    return code, lines[0] if lines else ""


def test_a_whole_corpus_passes_and_is_left_as_it_was(
    corpus: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {stored.path: corpus.read(stored.path) for stored in corpus.list()}
    assert verify(corpus, capsys) == (0, "")
    assert {stored.path: corpus.read(stored.path) for stored in corpus.list()} == before


def test_a_corpus_that_may_only_be_read_can_be_verified(
    s3: S3Server, s3_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["corpus", "source=phantom", "source.rows=2", "workers=1", f"output={s3_uri}"]) == 0
    for name, value in s3.environment("reader").items():
        monkeypatch.setenv(name, value)
    assert main(["verify", f"output={s3_uri}", "decode=true"]) == 0


def test_a_shard_cut_in_half_is_damage(corpus: Storage, capsys: pytest.CaptureFixture[str]) -> None:
    data = corpus.read(shard_path(1))
    corpus.replace(shard_path(1), data[: len(data) // 2])
    code, line = verify(corpus, capsys)
    assert code == 2 and "damaged, 1 problems" in line and shard_path(1) in line


def test_a_wrong_checksum_in_the_manifest_is_an_error(
    corpus: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads(corpus.read("corpus.json"))
    manifest["shards"][2]["digest"] = "0" * 64
    corpus.replace("corpus.json", json.dumps(manifest).encode())
    code, line = verify(corpus, capsys)
    assert code == 2 and "checksum" in line


def test_a_lost_shard_of_a_finished_corpus_is_damage(
    corpus: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.delete(shard_path(0))
    code, line = verify(corpus, capsys)
    assert code == 2 and "1 shards are gone" in line


def test_an_unfinished_corpus_is_incomplete_and_says_how_to_go_on(
    corpus: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.delete("corpus.json")
    corpus.delete(shard_path(2))
    code, line = verify(corpus, capsys)
    assert code == 3 and "2 shards are there" in line and "Run the command that began it again" in line


@pytest.mark.parametrize("output", ["/no/such/place", "s3://"])
def test_no_corpus_at_all_is_bad_input(capsys: pytest.CaptureFixture[str], output: str) -> None:
    assert main(["verify", f"output={output}"]) == 2
    assert output in capsys.readouterr().err


def test_the_ids_of_another_parent_are_found(
    corpus: Storage, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["source=phantom", "source.rows=6", "source.images=false", "source.seed=9", "workers=1"]
    assert main(["corpus", *arguments, f"output={tmp_path}/parent"]) == 0
    capsys.readouterr()
    assert main(["verify", f"output={corpus.uri}", f"corpus={tmp_path}/parent"]) == 2
    assert "6 planned reports are not there, and 6 others are" in capsys.readouterr().err
    assert main(["verify", f"output={corpus.uri}", f"corpus={corpus.uri}"]) == 0
