"""The processes below one of ours, found in /proc, so that a test can kill one and see that none is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path


def descendants(pid: int) -> Iterator[tuple[int, str]]:
    """(pid, command) of every living process below `pid`."""
    for child, parent, command in list(_all()):
        if parent == pid:
            yield child, command
            yield from descendants(child)


def is_alive(pid: int) -> bool:
    return any(pid == alive for alive, _, _ in _all())


def wait_for(condition: Callable[[], bool], seconds: float = 240.0) -> None:
    """Returns when the condition holds; raises AssertionError when it does not in that time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


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
