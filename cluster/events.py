"""What happens in a run, as events for whoever collects logs.

An event is a fixed name and facts: numbers, digests and fixed words. Never the text of a report or of an
error, for errors quote what they choked on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

Fact = int | float | str | None | Sequence[int] | Mapping[str, int]

EVENTS = logging.getLogger("diffcxr.events")


def log_event(event: str, **facts: Fact) -> None:
    """Hands the event to the handlers of EVENTS; without one, nothing is written."""
    EVENTS.info(event, extra={"facts": facts})
