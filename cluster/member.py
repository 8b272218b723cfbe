"""A member of a pool: a worker actor, and what it has in hand."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from cluster.assignments import Assignment
from cluster.preemption import Notice
from cluster.recipe import Ready

QUEUE = 2
"""Units in flight a worker: one denoises while the other one's reports are read or its shard is uploaded."""

_LAST_SECONDS = 5.0
"""Before a machine's end: what a worker has in hand then is dropped, and made elsewhere."""


@dataclass(frozen=True, slots=True)
class Flight:
    """An assignment that a worker has in hand."""

    assignment: Assignment
    since: float  # by time.monotonic()
    samples: int  # of its unit, or of a larger one that the worker had in hand before it


@dataclass(eq=False, slots=True)
class Member:
    """An actor of the pool and what it has in hand."""

    actor: Any
    loading: Any  # the reference of its first word; None once it has said it
    avoids: frozenset[str] = frozenset()  # nodes that it is not placed on
    placed: float | None = None  # when it was first seen on a machine while it loaded, by time.monotonic()
    ready: Ready | None = None
    tasks: dict[Any, Flight] = field(default_factory=dict)  # by reference
    since: float | None = None  # when it was begun to be paid for; None while it waits for a machine
    heard: float = 0.0  # when it last answered for a task, by time.monotonic()
    notice: Notice | None = None  # its machine is to be taken away
    proven: bool = False  # it has made a unit

    @property
    def held(self) -> float:
        """Seconds on its machine until now, as far as it has said its first word there."""
        return 0.0 if self.since is None else time.monotonic() - self.since

    @property
    def is_free(self) -> bool:
        alone = any(flight.assignment.suspect for flight in self.tasks.values())
        return self.ready is not None and self.notice is None and len(self.tasks) < QUEUE and not alone

    @property
    def is_late(self) -> bool:
        """Whether its machine is about to end."""
        deadline = None if self.notice is None else self.notice.deadline
        return deadline is not None and time.time() > deadline - _LAST_SECONDS

    @property
    def samples(self) -> int:
        """Of the largest unit that it has in hand."""
        return max((flight.samples for flight in self.tasks.values()), default=0)

    @property
    def silence(self) -> float:
        """Seconds that it has worked without an answer; 0 where it has nothing in hand."""
        begun = min((flight.since for flight in self.tasks.values()), default=time.monotonic())
        return time.monotonic() - max(begun, self.heard)
