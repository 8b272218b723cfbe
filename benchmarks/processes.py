"""A command in a process of its own, the memory of which is looked at while it works."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.result import REPOSITORY
from tests.chaos.processes import descendants, kill_driver

_LOOK_EVERY_S = 2.0  # at a family of twenty: some 50 ms of a core
_ASK_EVERY_S = 0.2


class Watched:
    """A Python command that runs, with the peaks of memory that were seen so far, in bytes.

    `peak_driver` is resident memory of the process itself, `peak_family` the proportional share (PSS) of it
    and all processes below it, so that pages which they have in common count once.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self._begun = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, *arguments], cwd=REPOSITORY, stdout=subprocess.DEVNULL
        )
        self._name = " ".join(arguments[:2])
        self.pid = self._process.pid
        self.seconds = 0.0  # from the start to the end
        self.peak_driver = self.peak_family = 0

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Returns at the command's end, or when `until` holds. Raises RuntimeError where it failed."""
        next_look = 0.0
        while self._process.poll() is None and not until():
            if time.monotonic() >= next_look:
                self._look()
                next_look = time.monotonic() + _LOOK_EVERY_S
            time.sleep(_ASK_EVERY_S)
        self.seconds = time.monotonic() - self._begun
        if self._process.returncode:
            raise RuntimeError(f"{self._name} ended with {self._process.returncode}")

    def kill(self) -> None:
        """Ends the process with SIGKILL, and returns when all that were below it have ended too."""
        kill_driver(self._process)

    def _look(self) -> None:
        pid = self._process.pid
        family = [pid, *(child for child, _ in descendants(pid))]
        self.peak_driver = max(self.peak_driver, peak_resident(pid))
        self.peak_family = max(self.peak_family, sum(_kilobytes(p, "smaps_rollup", "Pss:") for p in family))


def peak_resident(pid: int) -> int:
    """Bytes that the process had in memory at most until now; 0 where it has ended."""
    return _kilobytes(pid, "status", "VmHWM:")


def resident(pid: int) -> int:
    """Bytes that the process has in memory now; 0 where it has ended."""
    return _kilobytes(pid, "status", "VmRSS:")


def _kilobytes(pid: int, file: str, label: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(label)), 0)
