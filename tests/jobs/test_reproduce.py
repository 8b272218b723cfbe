"""One image again: the same bytes, in its own slot."""

from pathlib import Path

import pytest

from cluster.reproduction import find_sample, make_again
from cluster.shard import read_shard, shard_path
from cluster.storage import Storage
from diffcxr.errors import InputError
from jobs import reproduce
from tests.cluster.test_worker import NeighbourlyPipeline
from tests.generated_run import generated_run
from tests.reports_corpus import reports_corpus


def test_an_image_of_a_run_is_made_again_byte_for_byte(tmp_path: Path, uri: str) -> None:
    generated_run(reports_corpus(tmp_path / "reports"), uri, samples_per_report=2, units=3)
    image = tmp_path / "again.png"
    summary = reproduce.run(
        reproduce.Config(output=uri, report_id="study-004", sample_index=1, model="null", image=str(image))
    )
    assert summary.values["bytes_agree"] is True
    assert summary.values["stack_differs_in"] == []
    assert (summary.values["shard"], summary.values["slot"]) == (1, 3)
    rows = read_shard(Storage.at(uri), shard_path(1)).to_pylist()
    (there,) = [row for row in rows if (row["report_id"], row["sample_index"]) == ("study-004", 1)]
    assert image.read_bytes() == there["image"]["bytes"]


@pytest.mark.parametrize("bad", ["  ", "this one raises", "not a number"])
def test_rows_are_made_in_their_planned_slots_beside_rejected_ones(tmp_path: Path, bad: str) -> None:
    corpus = reports_corpus(tmp_path / "reports", reports=12, texts={1: bad, 6: bad})
    pipeline = NeighbourlyPipeline()
    record = generated_run(corpus, tmp_path / "out", pipeline=pipeline)
    for number in set(range(12)) - {1, 6}:
        found = find_sample(Storage.at(tmp_path / "out"), record, f"study-{number:03d}", 0)
        assert make_again(record, found, pipeline) == found.image


def test_a_rejected_sample_and_an_unknown_one_are_told_apart(tmp_path: Path) -> None:
    record = generated_run(reports_corpus(tmp_path / "reports", texts={3: ""}), tmp_path / "out")
    output = Storage.at(tmp_path / "out")
    with pytest.raises(InputError, match="rejected"):
        find_sample(output, record, "study-003", 0)
    with pytest.raises(InputError, match="no such sample"):
        find_sample(output, record, "study-004", 1)


def test_an_image_that_differs_is_measured_in_decibels(tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "reports")
    generated_run(corpus, tmp_path / "out", pipeline=NeighbourlyPipeline())  # another one than "null" is
    values = reproduce.run(
        reproduce.Config(output=str(tmp_path / "out"), report_id="study-001", model="null")
    ).values
    assert values["bytes_agree"] is False
    assert 15 < values["psnr_db"] < 60


def test_another_model_than_the_run_s_is_refused(tmp_path: Path) -> None:
    generated_run(reports_corpus(tmp_path / "reports"), tmp_path / "out")
    with pytest.raises(InputError):
        reproduce.run(
            reproduce.Config(output=str(tmp_path / "out"), report_id="study-001", model=str(tmp_path))
        )


def test_a_corpus_of_real_reports_has_nothing_to_reproduce(tmp_path: Path) -> None:
    reports_corpus(tmp_path / "reports")
    with pytest.raises(InputError, match="no run of generate"):
        reproduce.run(reproduce.Config(output=str(tmp_path / "reports"), report_id="study-001", model="null"))
