"""Progress of a training worker, relayed to the driver, whose screen is the one that somebody sees."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType

from cluster.training import tell

_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Told:
    """How far a worker is with one thing."""

    desc: str
    unit: str
    done: int
    total: int
    note: str


class Relay:
    """Enter it, `update(n)` and `note(text)`, as with `jobs.progress`.

    What all workers do in step is told by one of them: the others are not `heard`.
    """

    def __init__(self, *, total: int, unit: str, desc: str, initial: int = 0, heard: bool = True) -> None:
        self._desc, self._unit, self._done, self._total = desc, unit, initial, total
        self._note, self._heard = "", heard
        self._told_at = -float("inf")

    def update(self, n: int = 1) -> None:
        """`n` more are done."""
        self._done += n
        if time.monotonic() - self._told_at > _EVERY_S:
            self._tell()

    def saved(self) -> None:
        """A worker can go on from here."""
        self._tell(saved=True)

    def note(self, text: str) -> None:
        """A short word beside the rate."""
        self._note = text

    def __enter__(self) -> Relay:
        self._tell()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell()

    def _tell(self, saved: bool = False) -> None:
        if self._heard:
            tell(Told(self._desc, self._unit, self._done, self._total, self._note), saved)
        self._told_at = time.monotonic()
