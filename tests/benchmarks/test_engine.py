"""Runs with a benchmark's own worker, in one small session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.engine import BATCH, BATCH_SECONDS, run_waiting
from benchmarks.memory import EARLY, grow
from benchmarks.reports import write_reports
from cluster.session import connect


@pytest.fixture(scope="module")
def session() -> Iterator[None]:
    with connect(num_cpus=2):
        yield


def test_a_pipeline_that_waits_is_waited_for_at_every_batch(session: None, tmp_path: Path) -> None:
    corpus = write_reports(str(tmp_path / "reports"), BATCH, BATCH)
    took = run_waiting(corpus, tmp_path / "out", batches=8)
    assert took.images == 8 * BATCH
    assert took.seconds > took.seconds_denoising >= 8 * BATCH_SECONDS


def test_a_worker_is_looked_at_whenever_it_has_made_so_many_units_more(session: None, tmp_path: Path) -> None:
    corpus = write_reports(str(tmp_path / "reports"), 20, 20)
    sizes = grow(corpus, tmp_path / "out", units=2 * EARLY, images=1)
    assert list(sizes) == [EARLY, 2 * EARLY] and min(sizes.values()) > 50 << 20
