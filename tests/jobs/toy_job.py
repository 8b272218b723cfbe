"""A job small enough to test the command with: it hands back what it was given, or fails as it is told."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass

from diffcxr.errors import RefusedError
from jobs import command
from jobs.options import nested, option, required
from jobs.summary import Summary


@dataclass(kw_only=True)
class Source:
    name: str = required(help="which data set", choices=["phantom", "table"])
    root: str | None = option(None, help="where it lies")
    rows: int | None = option(None, help="how many", min=1)


@dataclass(kw_only=True)
class Workers:
    min: int = option(1, help="fewest", min=1)
    max: int = option(8, help="most", min=1)


@dataclass(kw_only=True)
class Config:
    source: Source = nested(Source)
    workers: Workers = nested(Workers)
    output: str = required(help="URI of the result")
    prompt: str = option("{text}", help="a template over columns")
    note: str | None = option(None, help="anything")
    batch_size: int | str = option("auto", help="rows a batch", min=1, choices=["auto"])
    metrics: list[str] = option(["fid", "mauc"], help="what to measure")
    thresholds: list[float] = option([], help="numbers", min=0, max=1)
    guidance_scale: float = option(2.0, help="strength", min=0, max=20)
    dry_run: bool = option(False, help="plan only")
    end: str = option("done", help="how it ends")


def run(config: Config) -> Summary:
    if config.end == "refused":
        raise RefusedError("the output holds another run", config.output, "Choose another output.")
    if config.end == "full":
        raise OSError(errno.ENOSPC, "No space left on device", "/disk/shard")
    if config.end == "bug":
        raise ZeroDivisionError("a bug")
    if config.end == "interrupt":
        raise KeyboardInterrupt
    if config.end == "exit15":
        sys.exit(signal.SIGTERM)
    if config.end == "wait":
        sys.stdout.write(f"waiting {os.getpid()}\n")
        sys.stdout.flush()
        time.sleep(60)
    incomplete = config.end == "incomplete"
    return Summary(
        values=asdict(config),
        table=[["images", 1000], ["rate", 2.5]],
        exit_code=3 if incomplete else 0,
        output=config.output if config.output != "nowhere" else None,
        note="1 of 2 done. Run the same command again to go on." if incomplete else "",
    )


def install() -> None:
    """Make `diffcxr toy` known to this process."""
    sys.modules["jobs.toy"] = sys.modules[__name__]
    command.JOBS["toy"] = "a job for tests"


if __name__ == "__main__":
    install()
    sys.exit(command.main(["toy", *sys.argv[1:]]))
