"""The command: `diffcxr <job> key=value ...`, its help, its exit codes and how it fails."""

from __future__ import annotations

import difflib
import errno
import importlib
import importlib.metadata
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any

from diffcxr.errors import DiffCXRError, IncompleteError, InputError
from jobs.options import Option, describe_kind, options_of
from jobs.overrides import compose_config
from jobs.summary import Summary

JOBS = {
    "corpus": "a data set on disk becomes a corpus",
    "train": "train one stage of the model, or all of them",
    "generate": "a corpus of reports becomes a corpus of images",
    "evaluate": "measure synthetic images against real ones",
    "downstream": "train classifiers on real and synthetic images, test them on real ones",
    "sweep": "many runs from one plan, each of them once",
    "report": "one self-contained page of what was measured",
    "status": "how far a run is, and how fast",
    "verify": "check every shard of a corpus",
    "reproduce": "make one image again and compare its bytes",
    "complexity": "parameters and multiply-accumulates of a model, by each convention",
    "submit": "run any job on a Ray cluster, with its logs and its exit code",
}

# A full or read-only disk is the person's to mend, not a bug to trace.
DISK_ERRORS = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}
DISK_ERRORS |= {errno.EROFS: "the disk is read-only", errno.EACCES: "permission denied"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one job and returns the exit code (DESIGN 7); a bug leaves as an exception, with its traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if name in ("--help", "-h", "help") and rest and rest[0] in JOBS:
        name, rest = rest[0], ["--help"]
    shown = f"diffcxr {name}" if name in JOBS else "diffcxr"
    try:
        if name in ("--help", "-h", "help"):
            _print(_help_of_all())
            return 0
        if name in ("--version", "-V", "version"):
            _print(f"diffcxr {importlib.metadata.version('diffcxr')}")
            return 0
        module = load_job(name)
        if any(argument in ("--help", "-h") for argument in _before_dashes(rest)):
            _print(_help_of(name, module))
            return 0
        with _terminated_like_interrupted():
            return _run(name, module, rest)
    except KeyboardInterrupt:
        return _fail(shown, IncompleteError("interrupted", fix="Run the same command again to go on."))
    except BrokenPipeError:
        _write_nowhere()  # the reader of a log or of the progress went away, and the job with it
        return IncompleteError.exit_code
    except Exception as error:
        expected = _expected(error)
        if expected is None:
            raise
        return _fail(shown, expected)


def load_job(name: str) -> ModuleType:
    """The module of a job, with its `Config` and `run`; imported only now, for some take seconds.

    Raises InputError, with the closest name, where there is no such job.
    """
    if name not in JOBS:
        close = difflib.get_close_matches(name, JOBS, n=1)
        raise InputError("unknown job", name, f"Did you mean {close[0]}?" if close else "--help lists them.")
    return importlib.import_module(f"jobs.{name}")


def _run(name: str, module: ModuleType, arguments: Sequence[str]) -> int:
    # A job may take its arguments itself (submit passes most of them on to another job).
    read: Any = getattr(module, "read_arguments", None)
    config = read(arguments) if read else compose_config(name, module.Config, arguments)
    try:
        summary: Summary = module.run(config)
    except SystemExit as leave:
        # ray.init() puts its own SIGTERM handler over ours, and that one exits with the signal's number.
        if leave.code == signal.SIGTERM:
            raise KeyboardInterrupt from leave
        raise
    write_summary(summary)
    _print(summary.render())
    if summary.note:
        _complain(f"diffcxr {name}: {summary.note}")
    return summary.exit_code


def write_summary(summary: Summary) -> None:
    """`summary.json` into the job's output, where it has one. Raises IncompleteError where a store or a disk
    fails now that the work is done."""
    if summary.output is not None:
        from cluster.storage import Storage
        from cluster.storage_errors import on_the_way

        with on_the_way():
            Storage.at(summary.output).replace("summary.json", summary.encode())


def _expected(error: BaseException) -> DiffCXRError | None:
    """The failure that a person can mend, wherever Ray has wrapped it; None where `error` is a bug."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        # Ray raises a class made of RayTaskError and ours: its text is a traceback, its `cause` is ours.
        cause = getattr(link, "cause", None)
        if isinstance(link, DiffCXRError) and not isinstance(cause, BaseException):
            return link
        if isinstance(link, OSError) and link.errno in DISK_ERRORS:
            return InputError(DISK_ERRORS[link.errno], str(link.filename or ""), "Mend it and run again.")
        link = cause if isinstance(cause, BaseException) else link.__cause__
    return None


def _fail(shown: str, error: DiffCXRError) -> int:
    _complain(f"{shown}: {error}")
    return error.exit_code


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM, which schedulers and drained nodes send, ends a job as Ctrl-C does: in order, with exit 3."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread (a test, a notebook): the process's own handler stays
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _before_dashes(arguments: Sequence[str]) -> Sequence[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _help_of_all() -> str:
    width = max(map(len, JOBS))
    lines = ["usage: diffcxr <job> key=value ...", ""]
    lines += [f"  {name:<{width}}  {line}" for name, line in JOBS.items()]
    lines += ["", "diffcxr <job> --help lists the options of a job; diffcxr --version says which this is."]
    return "\n".join(lines)


def _help_of(name: str, module: ModuleType) -> str:
    options = list(options_of(module.Config))
    width = max((len(option.label) for option in options), default=0)
    lines = [f"usage: diffcxr {name} key=value ...", "", f"{JOBS[name]}", ""]
    for option in sorted(options, key=lambda option: not option.required):
        lines.append(f"  {option.label:<{width}}  {option.help}")
        lines.append(f"  {'':<{width}}  {_facts_of(option)}")
    return "\n".join(lines)


def _facts_of(option: Option) -> str:
    default = "required" if option.required else f"default {_shown(option.default)}"
    limits = option.limits()
    return f"{describe_kind(option.kind)}{f': {limits}' if limits else ''} ({default})"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "[" + ",".join(map(str, value)) + "]"
    words = {None: "null", True: "true", False: "false", "": "empty"}
    return words.get(value, str(value)) if isinstance(value, bool | str | None) else str(value)


def _print(text: str) -> None:
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _write_nowhere()  # `diffcxr verify ... | head -1`: what was to be done is done


def _write_nowhere() -> None:
    # Python flushes once more when it exits, and would complain of the closed pipe then.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
