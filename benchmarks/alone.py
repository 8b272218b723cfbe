"""Work measured in a process of its own, so that its peak of memory is its own."""

from __future__ import annotations

import multiprocessing
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    value: Any
    seconds: float
    gib: float  # how far memory rose above what the inputs took


def alone(work: Callable[..., Callable[[], Any]], *inputs: Any) -> Run:
    """Calls what `work` makes of `inputs`; making it is not measured."""
    with multiprocessing.get_context("spawn").Pool(1) as process:
        return process.apply(_measured, (work, inputs))


def _measured(work: Callable[..., Callable[[], Any]], inputs: tuple[Any, ...]) -> Run:
    warnings.filterwarnings("ignore")
    compute = work(*inputs)
    # Resets the peak to what is held now. `resource.getrusage` would count the parent's memory before exec.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before, started = _status("VmRSS"), time.perf_counter()
    value = compute()
    seconds = time.perf_counter() - started
    return Run(value, seconds, (_status("VmHWM") - before) / 2**20)


def _status(name: str) -> int:
    """KiB of this process, by Linux."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
