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
    """Learns from the units that are done, by their images: a plan's last unit may be much smaller."""

    def __init__(self) -> None:
        self._took: list[float] = []  # seconds an image; sorted

    def learn(self, seconds: float, images: int) -> None:
        """A unit was done in so many seconds."""
        insort(self._took, seconds / images)

    def seconds(self, samples: int) -> float:
        """Three times what so many samples take by the (upper) median of units, at least five; endless before
        the first one."""
        if not self._took:
            return math.inf
        return max(_LEAST_SECONDS, _TIMES * samples * self._took[len(self._took) // 2])

    def hangs_seconds(self, samples: int) -> float:
        """How long a worker that has so many samples to make may be silent before it is taken to hang: twelve
        times what they take, after the time for which it waits for a store; endless before the first unit."""
        return _OUTAGE_SECONDS + _HANGS_TIMES * self.seconds(samples)
