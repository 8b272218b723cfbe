"""`python -m benchmarks [--quick] [--output FOLDER]`: every benchmark in its own process, and one table."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.result import RESULTS

HERE = Path(__file__).parent


def scripts() -> list[str]:
    """The names of the benchmarks: the modules here that can be run."""
    modules = (path for path in sorted(HERE.glob("*.py")) if path != Path(__file__))
    return [path.stem for path in modules if '__name__ == "__main__"' in path.read_text(encoding="utf-8")]


def main() -> int:
    """Exit code 1 where a benchmark failed or missed its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes each, on two cores")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    arguments = parser.parse_args()
    failed = []
    for name in scripts():
        sys.stdout.write(f"\n{name}\n")
        sys.stdout.flush()
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        command += ["--output", str(arguments.output / f"{name}.json")]
        if subprocess.run(command + ["--quick"] * arguments.quick, check=False).returncode:
            failed.append(name)
    sys.stdout.write("\n")
    missed = 0
    for name in scripts():
        path = arguments.output / f"{name}.json"
        if name in failed or not path.is_file():
            sys.stdout.write(f"{name:<16}  FAILED\n")
            continue
        for bar in json.loads(path.read_text(encoding="utf-8"))["bars"]:
            missed += not bar["ok"]
            held = "ok" if bar["ok"] else "MISSED"
            sys.stdout.write(
                f"{name:<16}  {bar['name']:<48}  {bar['value']:>12.6g}  {bar['bar']:>12.6g}  {held}\n"
            )
    return 1 if failed or missed else 0


if __name__ == "__main__":
    sys.exit(main())
