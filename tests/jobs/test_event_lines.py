"""Events as lines: JSON, one an event, and nothing but facts."""

import json
from datetime import datetime

import pytest

from cluster.events import log_event
from jobs.event_lines import event_lines


def test_an_event_is_one_line_of_json_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    with event_lines(written=True):
        log_event("unit", unit=3, rejects={"empty prompt": 1}, error=None)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    found = json.loads(lines[0])
    assert datetime.fromisoformat(found.pop("time")).tzinfo is not None
    assert found == {"event": "unit", "unit": 3, "rejects": {"empty prompt": 1}, "error": None}


def test_outside_and_where_nobody_asked_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with event_lines(written=True):
        pass
    log_event("after")
    with event_lines(written=False):
        log_event("unasked")
    assert capsys.readouterr().err == ""
