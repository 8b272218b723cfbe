from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cluster.storage import Storage
from cluster.training_watch import TrainingWatch


def test_each_start_of_a_run_leaves_an_event_file_that_tensorboard_reads(uri: str, tmp_path: Path) -> None:
    folder = Storage.at(uri)
    for begin, steps in ((0, (50, 100, 150)), (100, (150, 200))):
        with TrainingWatch(folder, begin, 200, 8) as watch:
            for step in steps:
                watch.add(step, loss=1 / step, samples_per_second=4.0)
                watch.publish()
    files = [stored.path for stored in folder.list("tensorboard")]
    assert files == [f"tensorboard/events.out.tfevents.{begin:08d}" for begin in (0, 100)]
    (tmp_path / "events.out.tfevents.0").write_bytes(folder.read(files[0]))
    curve = EventAccumulator(str(tmp_path)).Reload().Scalars("loss")
    assert [(point.step, point.value) for point in curve] == [
        (step, pytest.approx(1 / step)) for step in (50, 100, 150)
    ]


def test_progress_says_what_is_left(tmp_path: Path) -> None:
    with TrainingWatch(Storage.at(tmp_path), 0, 200, 8) as watch:
        watch.add(50, loss=0.5, samples_per_second=4.0)
        watch.publish()
    progress = json.loads((tmp_path / "progress.json").read_text())
    assert (progress["step"], progress["steps"], progress["seconds_left"]) == (50, 200, 300.0)


def test_contact_sheets_are_spared_where_they_cost_much_but_for_the_last(tmp_path: Path) -> None:
    def slow() -> bytes:
        time.sleep(0.2)
        return b"png"

    with TrainingWatch(Storage.at(tmp_path), 0, 200, 8) as watch:
        for step in (50, 100, 150, 200):
            watch.show(step, slow)
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == ["00000050.png", "00000200.png"]
