"""Events as lines: JSON, one an event, and nothing but facts."""

import json
from datetime import datetime

import pytest

from cluster.events import log_event
from jobs.event_lines import event_lines


def test_an_event_is_one_line_of_json_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    with event_lines(as_json=True):
        log_event("unit", unit=3, rejects={"empty prompt": 1}, error=None)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    found = json.loads(lines[0])
    assert datetime.fromisoformat(found.pop("time")).tzinfo is not None
    assert found == {"event": "unit", "unit": 3, "rejects": {"empty prompt": 1}, "error": None}


def test_beside_progress_stands_what_a_person_has_to_know(capsys: pytest.CaptureFixture[str]) -> None:
    with event_lines():
        log_event("units lost", units=[3, 4], error="OutOfMemoryError")
        log_event("unit", unit=3)
        log_event("worker failed to start", node="0123456789", error="MemoryError", told="")
        log_event("waiting", what="a GPU", seconds=20)
    assert capsys.readouterr().err.splitlines() == [
        "units [3, 4] are tried again: OutOfMemoryError",
        "a worker failed to start on machine 01234567: MemoryError",
        "waiting for a GPU, 20 s",
    ]


def test_outside_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with event_lines(as_json=True):
        pass
    log_event("units lost", units=[3], error="MemoryError")
    assert capsys.readouterr().err == ""
