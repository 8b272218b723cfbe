"""Rivals: three drivers of one run at once, the first of them frozen until the others have finished."""

from __future__ import annotations

import signal
import time
import uuid
from dataclasses import dataclass

from cluster.storage import Storage
from tests.chaos.arena import Arena
from tests.chaos.ledger import Ledger, read_ledger
from tests.chaos.ordeal import PATIENCE_S, Driver
from tests.chaos.processes import wait_for
from tests.committed import committed_objects

COMMITTED = 5  # shards when the first one is frozen, its workers with units in hand


@dataclass(frozen=True, slots=True)
class Rivalry:
    """How it ended."""

    output: str
    codes: tuple[int, ...]  # exit codes of the drivers
    frozen: float  # seconds
    equal: bool  # when two had finished, and still when the third one had
    ledger: Ledger


def rival(arena: Arena, seconds: float = 0.0) -> Rivalry:
    """Three drivers; the first one wakes up when the others have finished, and `seconds` have passed."""
    whole, output = arena.undisturbed(), f"{arena.uri}/{uuid.uuid4().hex}"
    arena.proxy.seen.clear()
    drivers = [Driver.start(arena.command(output, workers=2))]
    first = drivers[0].process
    try:
        shards = Storage.at(output)
        wait_for(lambda: sum(1 for _ in shards.list("shards")) >= COMMITTED, PATIENCE_S)
        first.send_signal(signal.SIGSTOP)
        start = time.monotonic()
        drivers += [Driver.start(arena.command(output, workers=1)) for _ in range(2)]
        codes = [driver.end() for driver in drivers[1:]]
        before = committed_objects(output)
        time.sleep(max(0.0, seconds - (time.monotonic() - start)))
        first.send_signal(signal.SIGCONT)
        frozen = time.monotonic() - start
        codes.insert(0, drivers[0].end())
    finally:
        for driver in drivers:
            driver.process.kill()
            driver.process.wait()
    equal = before == committed_objects(output) == whole
    return Rivalry(output, tuple(codes), frozen, equal, read_ledger(arena.proxy.seen, output))
