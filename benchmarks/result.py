"""A benchmark's result: what was measured against which bar, where, and with what."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
REPOSITORY = Path(__file__).parent.parent

_PACKAGES = (
    "diffcxr",
    "ray",
    "torch",
    "diffusers",
    "transformers",
    "numpy",
    "scipy",
    "scikit-learn",
    "pyarrow",
    "obstore",
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One claim: the value measured, the bar it is held to, and whether it holds."""

    name: str
    value: float
    bar: float
    ok: bool


def at_least(name: str, value: float, bar: float) -> Bar:
    return Bar(name, value, bar, value >= bar)


def at_most(name: str, value: float, bar: float) -> Bar:
    return Bar(name, value, bar, value <= bar)


def argument_parser(description: str) -> argparse.ArgumentParser:
    """A parser with what every benchmark takes; one that needs more adds to it."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few minutes on two cores")
    parser.add_argument("--output", type=Path, help="write the result here instead of benchmarks/results")
    return parser


def parse_arguments(description: str) -> argparse.Namespace:
    """`.quick` and `.output` (a Path, or None for benchmarks/results) from the command line."""
    return argument_parser(description).parse_args()


def parse_gpu_arguments(description: str) -> argparse.Namespace:
    """The same of a benchmark whose bars are a GPU's, with `.gpu`; without one, `--quick` alone goes."""
    import torch

    parser = argument_parser(description)
    arguments = parser.parse_args()
    arguments.gpu = torch.cuda.is_available()
    if not arguments.gpu and not (arguments.quick and arguments.output):
        parser.error("without a GPU there is only --quick with --output: its figures are no bar's")
    return arguments


def write_result(
    name: str, bars: Sequence[Bar], output: Path | None, gpu: bool = False, **explains: object
) -> Path:
    """Print `bars` as a table, write them with everything that `explains` them as JSON, and return its path.

    The file is `output`, or benchmarks/results/<name>.json, or <name>.gpu.json for figures of a GPU.
    """
    path = output or RESULTS / (f"{name}.gpu.json" if gpu else f"{name}.json")
    result = {"name": name, **origin(), "bars": [asdict(bar) for bar in bars], **explains}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{_table(bars)}\nwritten to {path}\n")
    return path


def origin() -> dict[str, object]:
    """When, of which commit, where and with what something is measured now."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": _machine(),
        "versions": _versions(),
    }


def _table(bars: Sequence[Bar]) -> str:
    width = max((len(bar.name) for bar in bars), default=4)
    lines = [f"{'bar':<{width}}  {'value':>12}  {'bar':>12}"]
    lines += [
        f"{b.name:<{width}}  {b.value:>12.6g}  {b.bar:>12.6g}  {'ok' if b.ok else 'MISSED'}" for b in bars
    ]
    return "\n".join(lines)


def _machine() -> dict[str, object]:
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": f"{_memory_gib():.1f} GiB",
        "gpu": _gpu(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES") / 2**30


def _gpu() -> str | None:
    import torch  # only here: most benchmarks of text and storage need no torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def _versions() -> dict[str, str]:
    installed = {distribution.name for distribution in importlib.metadata.distributions()}
    return {"python": platform.python_version()} | {
        package: importlib.metadata.version(package) for package in _PACKAGES if package in installed
    }


def _commit() -> str:
    """The commit that was measured, "-dirty" behind it where tracked files differ from it; "" outside git."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12", "--match="],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip()
