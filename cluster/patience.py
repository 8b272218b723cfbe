"""How long a unit may be in flight before another worker is given it as well."""

from __future__ import annotations

import math
from bisect import insort

OUTAGE_SECONDS = 300.0
"""How long a worker waits with a finished unit for a store that does not answer, before it is made again."""

_HANGS_TIMES = 4.0  # as long as one is patient
_TIMES = 3.0  # what other units took
_LEAST_SECONDS = 5.0  # the store, or the machine, may be busy for so long
_OUTAGE_SECONDS = OUTAGE_SECONDS + 240.0
"""A worker that waits for the store that long does not hang: what it asks last may take three minutes."""


class Patience:
    """Learns from the units that are done."""

    def __init__(self) -> None:
        self._took: list[float] = []  # sorted

    def learn(self, seconds: float) -> None:
        """A unit was done in so many seconds."""
        insort(self._took, seconds)

    @property
    def seconds(self) -> float:
        """Three times the (upper) median of what units took, at least five; endless before the first one."""
        if not self._took:
            return math.inf
        return max(_LEAST_SECONDS, _TIMES * self._took[len(self._took) // 2])

    @property
    def hangs_seconds(self) -> float:
        """How long a worker may be silent before it is taken to hang: twelve times the median, after the time
        for which it waits for a store; endless before the first unit."""
        return _OUTAGE_SECONDS + _HANGS_TIMES * self.seconds
