"""Events on standard error: all of them as JSON, or, beside progress, those that a person has to know."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from tqdm import tqdm

from cluster.events import EVENTS

_LINES = {
    "waiting": "waiting for {what}, {seconds} s",
    "silence": "no worker has answered for {seconds} s; they have units {units}",
    "units lost": "units {units} are tried again: {error}",
    "worker failed to start": "a worker failed to start on machine {node:.8}: {error} {told}",
    "another stack": "machine {node:.8} has another {differs}: its films may differ in their last bits",
    "node drained": "machine {node:.8} is to be taken away ({kind})",
}
"""What is told of the events by these names; nothing of the others."""


class JsonLines(logging.Formatter):
    """`{"time": ..., "event": ..., <facts>}`."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        facts: dict[str, object] = getattr(record, "facts", {})
        return json.dumps({"time": when, "event": record.msg, **facts})


class PlainLines(logging.Handler):
    """A line for each event of _LINES, above the bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, object] = getattr(record, "facts", {})
        if record.msg in _LINES:
            tqdm.write(_LINES[record.msg].format(**facts).strip(), file=sys.stderr)


@contextlib.contextmanager
def event_lines(as_json: bool = False) -> Iterator[None]:
    """Events that happen inside are written."""
    handler: logging.Handler = PlainLines()
    if as_json:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
    level, propagate = EVENTS.level, EVENTS.propagate
    EVENTS.addHandler(handler)
    EVENTS.setLevel(logging.INFO)
    EVENTS.propagate = False
    try:
        yield
    finally:
        EVENTS.removeHandler(handler)
        EVENTS.setLevel(level)
        EVENTS.propagate = propagate
