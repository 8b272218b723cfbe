"""An ordeal: one run of `generate` on machines that die, before a store that fails, until it is done.

What befalls it is drawn from a seed (`blows.py`, `faulty_proxy.by_seed`). A blow falls at the n-th film or
shard after the one before it, while the proxy holds that request: the process that waits for the answer is
known, and where it stands. Which worker that is depends on the machine; a replay draws the same blows and
faults, at the same counts.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.blows import Blow
from tests.chaos.faulty_proxy import TELL, FaultyProxy, Seen
from tests.chaos.machines import Machine, Machines
from tests.chaos.processes import parent_of

ROOT = Path(__file__).parents[2]
NOTICE_S, ALONE_S = 60.0, 3.0
"""What a machine is given, and what it has left of it after the blow that falls in its last minute."""
PATIENCE_S = 600.0
INTERRUPTED = "diffcxr generate: interrupted. Run the same command again to go on."


@dataclass(frozen=True, slots=True)
class Hit:
    """A blow that fell."""

    blow: Blow
    pid: int
    path: str  # what the process was at
    at: float  # on the monotonic clock
    drained: str = ""  # the node that the driver was told of before, where the machine was being drained

    def __str__(self) -> str:
        blow = self.blow
        done = ", carried out and unanswered" if blow.carried_out else ""
        frozen = f" for {blow.seconds:g} s" if blow.seconds else ""
        return f"{blow.signal.name}{frozen} to {blow.victim} {self.pid}: {blow.moment} {self.path}{done}"


@dataclass(slots=True)
class Driver:
    """A running `generate`, and the events that it has told."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    listener: threading.Thread = field(init=False)

    @classmethod
    def start(cls, command: Sequence[str]) -> Driver:
        """A driver on the cluster and before the store of the environment."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.driver", "generate", *command, "log=json"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return cls(process)

    def __post_init__(self) -> None:
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def events(self, name: str) -> list[dict[str, object]]:
        """The events of that name until now."""
        found = [json.loads(line) for line in list(self.lines) if line.startswith('{"time"')]
        return [event for event in found if event["event"] == name]

    def end(self, seconds: float = 600.0) -> int:
        """Its exit code, once it has ended."""
        code = self.process.wait(seconds)
        self.listener.join(seconds)
        return code


class Ordeal:
    """A run under blows: `hits` is its log, `drivers` are those that were started."""

    def __init__(self, machines: Machines, proxy: FaultyProxy, output: str, blows: Sequence[Blow]) -> None:
        self._machines, self._proxy, self._blows = machines, proxy, blows
        self._shards = f"{output.partition('//')[2].rstrip('/')}/shards/"
        self._manifest = f"{output.partition('//')[2].rstrip('/')}/corpus.json"
        self._lock = threading.Lock()
        self._passed = 0  # requests of the next blow's kind since the last one
        self._open = threading.Event()  # shut while a machine is being drained: without shards nothing ends
        self._open.set()
        self._driver: Driver | None = None  # None while there is none: it was killed
        self._struck: Blow | None = None  # what killed it
        self.hits: list[Hit] = []
        self.drivers: list[Driver] = []

    def run(self, command: Sequence[str]) -> None:
        """Starts the command again until it exits with 0. Raises AssertionError where it ends by itself."""
        self._proxy.watcher = self._witness
        try:
            while True:
                driver = Driver.start(command)
                self.drivers.append(driver)
                self._struck, self._driver = None, driver
                self._attend(driver)
                code = driver.end()
                if code == 0:
                    break
                self._expect(code, driver)
        finally:
            self._proxy.watcher = lambda _: None
            self._open.set()
            for driver in self.drivers:
                if driver.process.poll() is None:
                    driver.process.kill()
                    driver.process.wait()

    def _attend(self, driver: Driver) -> None:
        end = time.monotonic() + PATIENCE_S
        hits = len(self.hits)
        while driver.process.poll() is None:
            self._machines.renew()
            time.sleep(0.05)
            if len(self.hits) > hits:
                hits, end = len(self.hits), time.monotonic() + PATIENCE_S
            assert time.monotonic() < end, "\n".join(["it hangs", *map(str, self.hits), *driver.lines[-20:]])

    def _expect(self, code: int, driver: Driver) -> None:
        """An exit code is that of what was done to the driver."""
        said = "\n".join([f"exit {code}", *map(str, self.hits), *driver.lines[-20:]])
        assert self._struck is not None, said
        assert code == (3 if self._struck.signal == signal.SIGTERM else -self._struck.signal), said
        assert code != 3 or INTERRUPTED in driver.lines, said

    def _witness(self, seen: Seen) -> None:
        """The proxy's watcher: strikes where a blow is due, while this request waits."""
        is_shard = seen.method == "PUT" and self._shards in seen.path
        if is_shard and seen.status == 0:
            self._open.wait(PATIENCE_S)
        with self._lock:
            if self._driver is None or len(self.hits) == len(self._blows):
                return
            blow = self._blows[len(self.hits)]
            if not self._is_moment(blow, seen, is_shard):
                return
            self._passed += 1
            if self._passed >= blow.after and self._strike(blow, seen, self._driver):
                self._passed = 0

    def _is_moment(self, blow: Blow, seen: Seen, is_shard: bool) -> bool:
        if blow.moment == "encode":
            return seen.method == TELL
        is_manifest = seen.method == "PUT" and self._manifest in seen.path
        is_time = 200 <= seen.status < 300 if blow.carried_out else seen.status == 0
        return is_time and (is_manifest if blow.moment == "manifest" else is_shard)

    def _strike(self, blow: Blow, seen: Seen, driver: Driver) -> bool:
        """Whether the blow fell: not where the process is one that a dead machine or driver left behind, nor
        where the driver was not told of a drain."""
        raylet = parent_of(seen.pid)
        machine = self._machines.with_raylet(raylet)
        if blow.moment != "manifest" and (machine is None or machine.ends is not None):
            return False
        drained = ""
        if blow.moment == "drain" and machine is not None:
            drained = self._drain(machine, driver)
            if not drained:
                return False
        pid = {"worker": seen.pid, "raylet": raylet, "driver": driver.process.pid}[blow.victim]
        os.kill(pid, blow.signal)
        self.hits.append(Hit(blow, pid, seen.path.partition("?")[0], time.monotonic(), drained))
        if blow.signal == signal.SIGSTOP:
            threading.Timer(blow.seconds, _wake, (pid,)).start()
        elif blow.victim == "driver":
            self._struck, self._driver = blow, None
        if machine is not None and (blow.victim == "raylet" or blow.moment == "drain"):
            machine.ends = time.monotonic() + (0.0 if blow.victim == "raylet" else ALONE_S)
        return True

    def _drain(self, machine: Machine, driver: Driver) -> str:
        """Gives the machine notice; its node's id once the driver was told of it, "" where it is not."""
        self._open.clear()
        machine.give_notice(NOTICE_S)
        end = time.monotonic() + NOTICE_S
        told = False
        while not told and driver.process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
            told = any(event["node"] == machine.id for event in driver.events("node drained"))
        self._open.set()
        return machine.id if told else ""


def _wake(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        return
