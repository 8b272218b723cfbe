"""Status: from the bucket alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cluster.storage import Storage
from cluster.training_run import TrainingRun
from cluster.training_watch import TrainingWatch
from diffcxr.errors import InputError
from jobs import status
from jobs.status import Committed, rate
from tests.generated_run import generated_run
from tests.reports_corpus import reports_corpus


def test_a_run_in_the_middle_says_how_far_it_is(tmp_path: Path, uri: str) -> None:
    corpus = reports_corpus(tmp_path / "reports", texts={2: ""})
    generated_run(corpus, uri, units=2, images_per_shard=4)
    summary = status.run(status.Config(output=uri))
    assert summary.exit_code == 0
    assert (summary.values["finished"], summary.values["samples"]) == (False, 8)
    assert (summary.values["samples_planned"], summary.values["shards_planned"]) == (10, 3)
    assert summary.values["rejected"] == {"empty prompt": 1}
    assert summary.values["seconds_since_last_shard"] < 600
    assert "8 of 10" in summary.render()


def test_a_finished_run_says_so(tmp_path: Path) -> None:
    generated_run(reports_corpus(tmp_path / "reports"), tmp_path / "out")
    values = status.run(status.Config(output=str(tmp_path / "out"))).values
    assert (values["finished"], values["samples"], values["seconds_left"]) == (True, 10, 0.0)


def test_a_training_says_which_stage_is_where(tmp_path: Path) -> None:
    output = Storage.at(tmp_path)
    done, begun = (TrainingRun(output, stage, {"seed": 0}) for stage in ("autoencoder", "denoiser"))
    done.record(step=4, loss=0.5)
    done.finish(tmp_path / "no weights")
    values = status.run(status.Config(output=str(tmp_path))).values["stages"]
    assert (values["autoencoder"]["state"], values["denoiser"]["state"]) == (
        "finished",
        "no checkpoint yet",
    )
    with TrainingWatch(begun.folder, 0, 200, 8) as watch:
        watch.add(50, loss=0.25, samples_per_second=4.0)
        watch.publish()
    summary = status.run(status.Config(output=str(tmp_path)))
    assert summary.values["stages"]["denoiser"]["step"] == 50
    assert "0:05:00" in summary.render()


START = datetime(2026, 1, 1, tzinfo=UTC)


def landed(*seconds: float, samples: int = 1) -> list[Committed]:
    return [Committed(START + timedelta(seconds=second), samples) for second in seconds]


def test_the_rate_is_of_now_and_not_of_the_night_that_nothing_ran() -> None:
    evening = landed(*range(20))
    morning = landed(*(9 * 3600 + 2 * second for second in range(20)), samples=10)
    assert rate(evening + morning, 2.0) == pytest.approx(5.0)
    assert rate(evening + morning[:3], 2.0) == pytest.approx(5.0), "and soon after"
    assert rate([], 2.0) is None
    assert rate(evening, 0.0) is None, "where no call has said what it used"


@pytest.mark.parametrize("shards", [100, 150, 200, 220, 300, 350, 600, 620, 1000])
def test_the_rate_of_a_hundred_workers_that_end_together_is_that_of_them_all(shards: int) -> None:
    times = [600 * (1 + number // 100) + number % 100 / 10 for number in range(shards)]
    assert rate(landed(*times), 600.0) == pytest.approx(100 / 600, rel=0.25)
    if shards % 100 == 0:
        assert rate(landed(*times), 600.0) == pytest.approx(100 / 600, rel=0.02)


@pytest.mark.parametrize("shards", [200, 230, 300, 1000])
def test_the_rate_of_a_hundred_workers_that_end_one_after_another_is_that_of_them_all(shards: int) -> None:
    assert rate(landed(*(6.0 * number for number in range(shards))), 600.0) == pytest.approx(100 / 600)


def test_where_no_run_is_nothing_is_made_up(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        status.run(status.Config(output=str(tmp_path)))
