"""The standing of machines: where workers fared badly, none is started for a while, longer each time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ATTEMPTS = 3
"""Starts in a row that may fail on a machine before it is taken for one that can start no worker, and
machines that may before none has."""

_FIRST_SECONDS, _LONGEST_SECONDS = 1.0, 300.0
_DOUBLINGS = 9  # after them it is the longest


@dataclass(slots=True)
class _Record:
    starts: int = 0  # that failed since one succeeded
    failures: int = 0  # of starts, and of workers before their first unit; those that come together are one
    until: float = 0.0  # it is avoided


class Standing:
    """What became of workers, by the machine that they were on; times are the caller's clock."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def failed_start(self, node: str, now: float) -> None:
        """A worker failed while it started."""
        self.failed(node, now)
        self._records[node].starts += 1

    def failed(self, node: str, now: float) -> None:
        """A worker that had not made any unit failed with one."""
        record = self._records.setdefault(node, _Record())
        if now < record.until:  # workers that were begun with the one that failed
            return
        record.until = now + min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0 ** min(record.failures, _DOUBLINGS))
        record.failures += 1

    def started(self, node: str) -> None:
        """A worker has started there."""
        if node in self._records:
            self._records[node].starts = 0

    def proved(self, node: str) -> None:
        """A worker has made its first unit there."""
        self._records.pop(node, None)

    def avoided(self, now: float) -> frozenset[str]:
        """Machines on which none is to be started now, if there are others."""
        return frozenset(node for node, record in self._records.items() if record.until > now)

    def can_start(self, nodes: Iterable[str]) -> bool:
        """Whether any of them is not known to fail at it."""
        return any(node not in self._records or self._records[node].starts < ATTEMPTS for node in nodes)

    @property
    def failing(self) -> int:
        """Machines on which the last start failed."""
        return sum(record.starts > 0 for record in self._records.values())
