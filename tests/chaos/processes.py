"""Processes as /proc shows them, so that a test can kill one of ours and see that none is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def descendants(pid: int) -> Iterator[tuple[int, str]]:
    """(pid, command) of every living process below `pid`."""
    for child, parent, command in list(_all()):
        if parent == pid:
            yield child, command
            yield from descendants(child)


def is_alive(*pids: int) -> bool:
    """Whether any of them is."""
    return not {pid for pid, _, _ in _all()}.isdisjoint(pids)


def kill_driver(driver: subprocess.Popen[Any]) -> None:
    """Ends a driver with SIGKILL, and returns when all processes that were below it have ended.

    They do so by themselves, but Ray's agents of a node take minutes to find out: those are ended here.
    """
    family = dict(descendants(driver.pid))
    driver.kill()
    driver.communicate()
    for pid, command in family.items():
        if "agent" in command.lower():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(*family))


def parent_of(pid: int) -> int:
    """The parent of a process; 0 where it has ended."""
    try:
        return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(") ")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def owner_of_port(port: int) -> int:
    """The process that holds the local end `port` of a TCP connection over IPv4; 0 where nobody does."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    sockets = {f"socket:[{line.split()[9]}]" for line in lines if line.split()[1].endswith(f":{port:04X}")}
    folders = (folder for folder in Path("/proc").iterdir() if folder.name.isdigit())
    for folder in sorted(folders, key=lambda folder: -int(folder.name)):  # the youngest are asked for most
        if any(target in sockets for target in _open_files(folder)):
            return int(folder.name)
    return 0


def wait_for(condition: Callable[[], bool], seconds: float = 240.0) -> None:
    """Returns when the condition holds; raises AssertionError when it does not in that time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def _open_files(folder: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):  # the process ended meanwhile, or is somebody else's
        for file in (folder / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                yield str(file.readlink())


def _all() -> Iterator[tuple[int, int, str]]:
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        state, parent = stat.rpartition(") ")[2].split()[:2]
        if state != "Z":
            yield int(folder.name), int(parent), command
