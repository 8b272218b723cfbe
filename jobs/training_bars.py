"""What training workers tell of their progress, on the screen of whoever started them."""

from __future__ import annotations

import time
from types import TracebackType

from jobs.progress import Progress, progress
from jobs.stages.relay import Told

_SILENT_S = 5.0


class TrainingBars:
    """Enter it and `show` what is told: one bar after another.

    Several workers may prepare at the same time, on machines of their own. A bar is of one thing, as far as
    the furthest is with it. What is told of another takes its place if it is new, or where the bar is full
    or nobody has told of it for a while: then others are waited for, or have begun again.
    """

    def __init__(self) -> None:
        self._bar: Progress[None] | None = None
        self._furthest: Told | None = None  # what was told of the bar's thing
        self._told_at = 0.0
        self._seen: set[str] = set()

    def show(self, told: Told) -> None:
        """Something that a worker has told."""
        before = self._furthest
        if self._bar is None or before is None or told.desc != before.desc:
            silent = time.monotonic() - self._told_at > _SILENT_S
            if before is not None and told.desc in self._seen and before.done < before.total and not silent:
                return
            self._close()
            self._bar = progress(total=told.total, unit=told.unit, desc=told.desc, initial=told.done)
            self._seen.add(told.desc)
            before = told
        self._bar.note(told.note)
        self._bar.update(max(0, told.done - before.done))
        self._furthest = max(before, told, key=lambda one: one.done)
        self._told_at = time.monotonic()

    def __enter__(self) -> TrainingBars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            with self._bar:
                pass
            self._bar = None
