from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.processes import Watched
from tests.chaos.processes import descendants, is_alive

MEBIBYTES = 64
CHILD = f"""
import os, sys, time
held, parent = bytearray({MEBIBYTES} << 20), os.getppid()
open(sys.argv[1], "w").close()
while os.getppid() == parent:
    time.sleep(0.1)
"""
PARENT = f"""
import subprocess, sys
held = bytearray({MEBIBYTES} << 20)
subprocess.run([sys.executable, "-c", {CHILD!r}, sys.argv[1]])
"""


def test_a_family_is_larger_than_its_driver_and_ends_with_it(tmp_path: Path) -> None:
    started = tmp_path / "started"
    command = Watched(["-c", PARENT, str(started)])
    command.watch(until=started.exists)
    command.watch(until=lambda: command.peak_family > 2 * MEBIBYTES << 20)
    assert command.peak_family > command.peak_driver > MEBIBYTES << 20
    family = [pid for pid, _ in descendants(command.pid)]
    command.kill()
    assert family and not is_alive(*family)


def test_a_command_that_fails_is_an_error_and_one_that_ends_says_how_long_it_took() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        Watched(["-c", "raise SystemExit(3)"]).watch()
    command = Watched(["-c", "import time; time.sleep(0.2)"])
    command.watch()
    assert command.seconds > 0.2
