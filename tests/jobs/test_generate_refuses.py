"""What `generate` refuses, before it starts a cluster or writes anything."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cluster.corpus import Corpus
from diffcxr.errors import InputError, RefusedError
from jobs import generate
from jobs.command import main
from jobs.generate import WorkersConfig
from tests.committed import committed_objects
from tests.generated_run import generated_run
from tests.jobs.generations import config_for
from tests.reports_corpus import reports_corpus
from tests.s3_server import S3Server


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return reports_corpus(tmp_path / "reports", reports=20)


def test_what_does_not_go_together_is_told(corpus: Corpus, tmp_path: Path) -> None:
    for wrong in ({"rejected": "retry"}, {"parent": corpus.uri}):
        with pytest.raises(InputError, match="go together"):
            generate.run(config_for(corpus, tmp_path / "out", **wrong))
    both = {"rejected": "retry", "parent": corpus.uri, "exclude": corpus.uri}
    with pytest.raises(InputError, match="both"):
        generate.run(config_for(corpus, tmp_path / "out", **both))


def test_a_bound_on_the_cost_needs_a_price(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="price_per_hour"):
        generate.run(config_for(corpus, tmp_path / "out", max_cost=5.0))


def test_another_run_is_refused_by_the_names_of_what_differs(corpus: Corpus, tmp_path: Path) -> None:
    generated_run(corpus, tmp_path / "out", units=1)
    before = committed_objects(tmp_path / "out")
    with pytest.raises(RefusedError) as refused:
        generate.run(config_for(corpus, tmp_path / "out", steps=3, seed=9, limit=8))
    for field in (
        "pixels.steps is 2 there and 3 here",
        "pixels.seed is 0 there and 9",
        "plan.limit is null there",
    ):
        assert field in str(refused.value)
    assert committed_objects(tmp_path / "out") == before


def test_an_output_that_holds_a_corpus_is_left_alone(corpus: Corpus, tmp_path: Path) -> None:
    other = reports_corpus(tmp_path / "other")
    with pytest.raises(RefusedError, match="holds a corpus"):
        generate.run(config_for(corpus, tmp_path / "other"))
    with pytest.raises(InputError, match="one place"):
        generate.run(config_for(other, tmp_path / "other"))


@pytest.mark.parametrize("view", ["README.md", "rejected.jsonl"])
def test_a_file_of_somebody_else_s_is_kept_and_named(corpus: Corpus, tmp_path: Path, view: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / view).write_text("mine")
    with pytest.raises(RefusedError, match=f"{view} of its own"):
        generate.run(config_for(corpus, tmp_path / "out"))
    assert committed_objects(tmp_path / "out") == {view: b"mine"}


def test_a_retry_with_another_seed_than_the_parent_s_is_refused(tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "reports", texts={2: ""})
    generated_run(corpus, tmp_path / "first", seed=7)
    retry = {"rejected": "retry", "parent": str(tmp_path / "first")}
    with pytest.raises(InputError, match="Give seed=7"):
        generate.run(config_for(corpus, tmp_path / "again", **retry))
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"corpus": "nowhere"}, "no corpus"),
        ({"model": "nowhere"}, "no model"),
        ({"prompt": "{radiologist}"}, "names no column"),
        ({"workers": WorkersConfig(min=3, max=2)}, "workers"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    corpus: Corpus, tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    config = config_for(corpus, tmp_path / "out")
    for name, value in changed.items():
        setattr(config, name, str(tmp_path / value) if value == "nowhere" else value)
    with pytest.raises(InputError, match=words) as bad:
        generate.run(config)
    assert "\n" not in str(bad.value)
    assert not (tmp_path / "out").exists()


def middle_of_texts(shard: Path) -> int:
    """The place of a byte of the reports' texts: of others, some are only read to skip what is not wanted."""
    columns = pq.read_metadata(shard).row_group(0)
    (texts,) = (
        column
        for column in map(columns.column, range(columns.num_columns))
        if column.path_in_schema == "text"
    )
    return int(texts.data_page_offset + texts.total_compressed_size // 2)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_corpus_is_refused_before_anything_is_written(
    corpus: Corpus, tmp_path: Path, damage: str
) -> None:
    shard = tmp_path / "reports" / corpus.shards[1].path
    data = bytearray(shard.read_bytes())
    if damage == "gone":
        shard.unlink()
    elif damage == "cut":
        shard.write_bytes(data[: len(data) // 2])
    else:
        data[middle_of_texts(shard)] ^= 0xFF
        shard.write_bytes(data)
    with pytest.raises(InputError):
        generate.run(config_for(corpus, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("fault", ["wrong secret", "read-only", "no bucket"])
def test_a_bucket_that_refuses_is_exit_2_in_one_line_before_anything_starts(
    corpus: Corpus,
    s3: S3Server,
    s3_uri: str,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if fault == "wrong secret":
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    if fault == "read-only":
        for name, value in s3.environment("reader").items():
            monkeypatch.setenv(name, value)
    output = "s3://no-such-bucket/out" if fault == "no bucket" else f"{s3_uri}/out"
    assert main(["generate", f"corpus={corpus.uri}", f"output={output}", "model=null"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert output in said


def test_values_out_of_range_are_exit_2(
    corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["generate", f"corpus={corpus.uri}", f"output={tmp_path / 'out'}"]
    for wrong in (
        "steps=0",
        "batch_size=0",
        "batch_size=some",
        "max_rejected=2",
        "image_format=gif",
        "sede=1",
    ):
        assert main([*command, wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()
