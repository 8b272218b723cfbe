"""Events as JSON, one object a line on standard error: what `log=json` writes in place of progress."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from cluster.events import EVENTS


class JsonLines(logging.Formatter):
    """`{"time": ..., "event": ..., <facts>}`."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        facts: dict[str, object] = getattr(record, "facts", {})
        return json.dumps({"time": when, "event": record.msg, **facts})


@contextlib.contextmanager
def event_lines(written: bool) -> Iterator[None]:
    """Events that happen inside are written, if they are to be."""
    if not written:
        yield
        return
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
