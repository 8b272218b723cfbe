"""Studies: the films of a table that belong to one report, wherever in the table their lines stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from diffcxr.sources.records import Record
from diffcxr.sources.row import Reject, RejectedError, Row

_FRONTAL_FIRST = {"PA": 0, "AP": 0, None: 1, "LATERAL": 2}


class Film(Protocol):
    """A film as its line in the table names it."""

    @property
    def report_id(self) -> str: ...

    @property
    def patient_id(self) -> str: ...

    @property
    def name(self) -> str:
        """Its own among all films of the set."""
        ...

    @property
    def view(self) -> str | None: ...


F = TypeVar("F", bound=Film)


def films_of(
    records: Iterable[Record | str], read: Callable[[Record], F], table: str
) -> Iterator[F | Reject]:
    """Yields the film of each record; a Reject where there is no record, or `read` raises RejectedError."""
    for number, record in enumerate(records, start=1):
        try:
            if isinstance(record, str):
                raise RejectedError(record)
            yield read(record)
        except RejectedError as error:
            yield Reject(report_id=f"{table} row {number}", reason=error.reason)


def films_by_study(films: Iterable[F | Reject]) -> Iterator[list[F] | Reject]:
    """Yields the rejects, and one for each further film of a name; then the films of each study.

    Studies come in the order of the table. Their films are frontal first, then by name, so that a film's
    number does not depend on the order of lines. All films are held, but not their images.
    """
    studies: dict[tuple[str, str], list[F]] = {}
    seen: set[str] = set()
    for film in films:
        if isinstance(film, Reject):
            yield film
        elif film.name in seen:
            yield Reject(report_id=film.report_id, reason="duplicate id")
        else:
            seen.add(film.name)
            studies.setdefault((film.patient_id, film.report_id), []).append(film)
    for study in studies.values():
        yield sorted(study, key=lambda film: (_FRONTAL_FIRST[film.view], film.name))


def rows_of(study: Sequence[F], row: Callable[[F, int], Row]) -> Iterator[Row | Reject]:
    """Yields `row(film, sample_index)` of each film; a Reject where that raises RejectedError."""
    for index, film in enumerate(study):
        try:
            yield row(film, index)
        except RejectedError as error:
            yield Reject(report_id=film.report_id, sample_index=index, reason=error.reason)


def rows_by_study(films: Iterable[F | Reject], row: Callable[[F, int], Row]) -> Iterator[Row | Reject]:
    """Yields what `films_by_study` rejects, then `rows_of` each study."""
    for study in films_by_study(films):
        if isinstance(study, Reject):
            yield study
        else:
            yield from rows_of(study, row)
