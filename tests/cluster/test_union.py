"""Union: every sample once, and a reject only where no part has the sample."""

from pathlib import Path

import pytest

from cluster.corpus import Corpus
from cluster.selection import select_rejected
from cluster.union import union_items
from diffcxr.sources.row import Reject, Row
from jobs.command import main
from tests.committed import committed_objects
from tests.generated_run import generated_run
from tests.reports_corpus import reports_corpus


def test_a_run_and_its_retried_rejects_are_one_corpus(tmp_path: Path, uri: str) -> None:
    corpus = reports_corpus(tmp_path / "reports", texts={2: "", 5: ""})
    generated_run(corpus, tmp_path / "first")
    selected = select_rejected(corpus, Corpus.open(tmp_path / "first"), 1, limit=None)
    generated_run(corpus, tmp_path / "again", selected=selected, prompt="{text} {impression}")
    joined = f"source.corpora=[{tmp_path}/first,{tmp_path}/again]"
    for output in (uri, f"{tmp_path}/twin"):
        assert main(["corpus", "source=union", joined, "shard_rows=4", f"output={output}"]) == 0
    assert committed_objects(uri) == committed_objects(tmp_path / "twin")
    assert main(["verify", f"output={uri}", "decode=true"]) == 0
    union = Corpus.open(uri)
    assert (union.rows, union.rejects, len(union.shards)) == (10, {}, 3)
    assert union.manifest["licence"] == "CC0-1.0"
    provenance = union.manifest["provenance"]
    assert isinstance(provenance, dict) and provenance["synthetic"] is True
    assert [part["rows"] for part in provenance["corpora"]] == [8, 2]


def test_a_sample_that_no_part_has_stays_a_reject_and_a_second_row_of_one_becomes_one(tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "reports", texts={2: ""})
    generated_run(corpus, tmp_path / "first")
    twice = [Corpus.open(tmp_path / "first")] * 2
    items = list(union_items(twice))
    assert [item for item in items if isinstance(item, Reject)] == [
        Reject(report_id="study-002", reason="empty prompt")
    ]
    assert sum(isinstance(item, Row) for item in items) == 18
    joined = f"source.corpora=[{tmp_path}/first,{tmp_path}/first]"
    assert main(["corpus", "source=union", joined, f"output={tmp_path}/union"]) == 0
    assert dict(Corpus.open(tmp_path / "union").rejects) == {"duplicate id": 9, "empty prompt": 1}


@pytest.mark.parametrize(
    "arguments", [["source=union"], ["source=table", "source.root=.", "source.corpora=[a]"]]
)
def test_a_union_without_corpora_is_one_line(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["corpus", *arguments, f"output={tmp_path}/out"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
