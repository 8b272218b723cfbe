"""Progress: how far a job is, at what rate, and when it will be done."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sized
from types import TracebackType
from typing import Generic, TypeVar, cast, overload

from tqdm import tqdm

T = TypeVar("T")

LINE_EVERY_S = 10.0  # where the output is a file or a job's log, a line now and then instead of a bar


class Progress(Generic[T]):
    """A bar on a terminal, plain lines elsewhere; on standard error, so that standard output stays data.

    Iterate it, or enter it and `update(n)`. Leaving it draws the last state.
    """

    def __init__(
        self,
        items: Iterable[T] | None,
        total: int | None,
        unit: str,
        desc: str,
        initial: int,
        shown: bool,
    ) -> None:
        bar = sys.stderr.isatty()
        total = len(items) if total is None and isinstance(items, Sized) else total
        line = "{desc}: {n_fmt} " + unit + ", {rate_noinv_fmt}"
        if total is not None:
            line = "{desc}: {n_fmt}/{total_fmt} " + unit + ", {rate_noinv_fmt}, ETA {remaining}"
        self._tqdm: tqdm[T] = tqdm(
            cast(Iterable[T], items),  # None where the caller counts; tqdm's stubs make that another type
            total=total,
            initial=initial,
            desc=desc,
            unit=f" {unit}",
            file=sys.stderr if bar else _Lines(),
            mininterval=0.2 if bar else LINE_EVERY_S,
            maxinterval=2.0 if bar else LINE_EVERY_S,
            dynamic_ncols=bar,
            disable=not shown,
            bar_format=None if bar else line + "{postfix}",
        )

    def update(self, n: int = 1) -> None:
        """`n` more are done."""
        self._tqdm.update(n)

    def note(self, text: str) -> None:
        """A short word beside the rate, e.g. "3 rejected"."""
        self._tqdm.set_postfix_str(text, refresh=False)

    def __iter__(self) -> Iterator[T]:
        return iter(self._tqdm)

    def __enter__(self) -> Progress[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tqdm.close()


@overload
def progress(
    items: None = None,
    *,
    total: int | None = None,
    unit: str,
    desc: str,
    initial: int = 0,
    shown: bool = True,
) -> Progress[None]: ...


@overload
def progress(
    items: Iterable[T],
    *,
    total: int | None = None,
    unit: str,
    desc: str,
    initial: int = 0,
    shown: bool = True,
) -> Progress[T]: ...


def progress(
    items: Iterable[T] | None = None,
    *,
    total: int | None = None,
    unit: str,
    desc: str,
    initial: int = 0,
    shown: bool = True,
) -> Progress[T] | Progress[None]:
    """Progress over `items`, or over `total` things that the caller counts by `update`.

    `initial` are those that an earlier run has done: they count, but not for the rate. Unless it is to be
    `shown`, nothing is written.
    """
    return Progress(items, total, unit, desc, initial, shown)


class _Lines:
    """A stream for tqdm that turns each redrawing of its bar into a line."""

    def write(self, text: str) -> int:
        line = text.strip("\r\n ")
        if line:
            sys.stderr.write(line + "\n")
        return len(text)

    def flush(self) -> None:
        sys.stderr.flush()
