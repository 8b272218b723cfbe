"""Whether the features of all films fit beside each other, which KID and PRDC compare one by one.

The other measures' states are bounded, whatever the number of films (that of MS-SSIM by the PROMPTS of
`eval.quartets`), or some bytes a film; this one is films x dimensions. The driver holds it, and is asked
before anything is extracted: it would die after hours of work.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from diffcxr.errors import InputError

_FLOAT = 4  # bytes
_COPIES = 5
"""Of one extractor's features while they are measured: in one array, by patient, and about a centre, in
float64, with one more of float32 on the way."""
_CGROUP = Path("/sys/fs/cgroup/memory.max")
_FIX = "Leave kid, kid_whole and prdc out, measure a split, or begin the job on a machine with more memory."


def check_rows_fit(films: int, dimensions: Sequence[int], most: float | None = None) -> None:
    """Raises InputError where features of so many films need more than `most` bytes; None: what is there."""
    most = _memory() if most is None else most
    needed = row_memory(films, dimensions)
    if needed > most:
        what = f"features of {films:,} films need {needed / 2**30:.1f} GiB, and {most / 2**30:.1f} are there"
        raise InputError(what, "metrics", _FIX)


def row_memory(films: int, dimensions: Sequence[int]) -> int:
    """Bytes: all extractors' features as they arrive, and the copies of the largest."""
    return _FLOAT * films * (sum(dimensions) + _COPIES * max(dimensions, default=0))


def _memory() -> float:
    """Bytes of this machine, or of the container that this process is in."""
    machine = float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, float(_CGROUP.read_text(encoding="ascii")))
    except (OSError, ValueError):  # no such file, or "max"
        return machine
