"""Elasticity: a machine joins a run on its way and is taken away again."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field

from tests.chaos.arena import Arena
from tests.chaos.faulty_proxy import Seen
from tests.chaos.ledger import Ledger, read_ledger
from tests.chaos.ordeal import PATIENCE_S, Driver
from tests.chaos.processes import parent_of, wait_for
from tests.committed import committed_objects

WORKERS = 4  # two a machine
TAKEN = 4  # shards that the new machine's workers send before it is taken away


@dataclass(frozen=True, slots=True)
class Growth:
    """How the run got on."""

    seconds: float  # from the machine's joining until a worker on it began a unit
    units: int  # that its workers sent
    released: int  # idle workers that were given back when no unit waited and others still worked
    equal: bool  # to an undisturbed run
    ledger: Ledger


@dataclass(slots=True)
class _Store:
    """The proxy's watcher: shards wait until the new machine has begun a unit, so that some are left."""

    raylet: int = 0  # of the machine that joins; 0 before
    busy: threading.Event = field(default_factory=threading.Event)  # one of the old workers has sent a shard
    began: float = 0.0
    open: threading.Event = field(default_factory=threading.Event)
    own: set[int] = field(default_factory=set)  # processes on the new machine
    sent: int = 0  # shards by them

    def watch(self, seen: Seen) -> None:
        if "/shards/" not in seen.path or seen.status:
            return
        if self.raylet and parent_of(seen.pid) == self.raylet:
            self.own.add(seen.pid)
            if not self.began:
                self.began = time.monotonic()
                self.open.set()
            self.sent += seen.method == "PUT"
        elif seen.method == "PUT":
            self.busy.set()
            self.open.wait(PATIENCE_S)


def grow(arena: Arena) -> Growth:
    """A run that begins on one machine, on which it has two workers of the four that it wants."""
    whole, machines = arena.undisturbed(), arena.machines
    machines.end(machines.here[0])
    store, output = _Store(), f"{arena.uri}/{uuid.uuid4().hex}"
    arena.proxy.seen.clear()
    arena.proxy.watcher = store.watch
    driver = Driver.start(arena.command(output, workers=WORKERS))
    try:
        wait_for(store.busy.is_set, PATIENCE_S)
        machine = machines.add()
        store.raylet = machine.raylet
        machines.nodes.cluster.wait_for_nodes(timeout=PATIENCE_S)
        joined = time.monotonic()
        wait_for(lambda: store.sent >= TAKEN or driver.process.poll() is not None, PATIENCE_S)
        machines.end(machine)
        machines.add()
        assert driver.end() == 0, driver.lines[-5:]
    finally:
        arena.proxy.watcher = lambda _: None
        store.open.set()
        driver.process.kill()
        driver.process.wait()
    puts = {seen.path for seen in arena.proxy.seen if seen.pid in store.own and seen.method == "PUT"}
    return Growth(
        seconds=store.began - joined,
        units=len(puts),
        released=sum(event["why"] == "tail" for event in driver.events("worker ended")),
        equal=committed_objects(output) == whole,
        ledger=read_ledger(arena.proxy.seen, output),
    )
