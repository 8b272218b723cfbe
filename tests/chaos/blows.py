"""What befalls a run, and at which points of it: drawn from a seed, without any Ray."""

from __future__ import annotations

import random
import signal
from dataclasses import dataclass
from typing import Literal

Moment = Literal["encode", "put", "drain", "manifest"]
"""A film is being encoded; a shard was sent, and is unanswered; the machine has been given notice, and its
workers bring to an end what they have; corpus.json was sent, and is unanswered."""

Victim = Literal["worker", "raylet", "driver"]
"""The worker that is at this moment, the raylet of its machine, or the driver."""

FILMS, SHARDS = 60, 7
"""Films, and shards, that pass at most between two blows."""


@dataclass(frozen=True, slots=True)
class Blow:
    """One of them."""

    moment: Moment
    victim: Victim
    signal: signal.Signals
    after: int  # so many films or shards after the blow before it
    carried_out: bool = False  # what was sent: the store has done it, and the sender will not hear of it
    seconds: float = 0.0  # of a process that is frozen

    @property
    def kills(self) -> bool:
        return self.signal != signal.SIGSTOP


def draw_blows(seed: int) -> tuple[Blow, ...]:
    """Six kills, one of them while a machine is drained, and two frozen processes, in a drawn order; the last
    one befalls the driver while it writes corpus.json.

    They fit into a run of 100 units and more: the sum of `after` is smaller.
    """
    draw = random.Random(seed)

    def blow(moment: Moment, victim: Victim, number: signal.Signals = signal.SIGKILL) -> Blow:
        return Blow(
            moment=moment,
            victim=victim,
            signal=number,
            after=draw.randint(1, FILMS if moment == "encode" else SHARDS),
            carried_out=moment in ("put", "manifest") and draw.random() < 0.5,
            seconds=round(draw.uniform(1.0, 4.0), 1) if number == signal.SIGSTOP else 0.0,
        )

    def anywhere() -> Moment:
        return draw.choice(("encode", "put"))

    blows = [
        blow("encode", "worker"),
        blow("put", "worker"),
        blow(anywhere(), "raylet"),
        blow("drain", draw.choice(("worker", "raylet", "driver"))),
        blow(anywhere(), "driver", draw.choice((signal.SIGKILL, signal.SIGTERM))),
        blow(anywhere(), "worker", signal.SIGSTOP),
        blow(anywhere(), "driver", signal.SIGSTOP),
    ]
    draw.shuffle(blows)
    last = blow("manifest", "driver")
    return (*blows, Blow(last.moment, last.victim, last.signal, 1, last.carried_out))
