"""Which unit goes to a worker next, and what a failure means: the decisions of dispatch, without any Ray.

A unit that fails is tried again, alone on its worker, so that it draws no other one into its failures. After
ATTEMPTS failures it holds a row that kills workers: parts of it are probed, halving, until one row is left;
that row fails twice alone before it is excluded, and the unit is run without it. A unit that takes too long
is given to a second worker too: the first that is done settles it, and what the other one does counts for
nothing.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

ATTEMPTS = 3
"""Failures of a unit before its rows are suspected."""

_ROUNDS = 3  # searches of a unit that may end without a culprit
_ALONE = 2  # failures of a row alone: once may be a preemption
_BLAMED = 3  # rows that a unit may lose before any part of it is seen to work
_MACHINES = 10  # machines that a unit may lose before it is suspected of ending them


@dataclass(frozen=True, slots=True)
class Assignment:
    """A unit, or a probe of part of it, as it is handed to a worker."""

    unit: int
    excluded: tuple[int, ...] = ()
    probe: tuple[int, int] | None = None
    suspect: bool = False  # it has failed before: no other unit shares its worker


@dataclass(slots=True)
class _Record:
    """What is known of a unit that has failed."""

    samples: int
    failures: int = 0
    rounds: int = 0
    alone: int = 0
    machines: int = 0
    blamed: int = 0  # rows excluded since a part of it was seen to work
    within: tuple[int, int] | None = None  # where the search for the culprit is
    excluded: list[int] = field(default_factory=list)


class UnitKeepsFailingError(Exception):
    """A unit fails again and again, and it is no few rows that do it; `unit` is its number."""

    def __init__(self, unit: int, why: str) -> None:
        super().__init__(f"unit {unit} keeps failing, {why}")
        self.unit = unit


class Assignments:
    """The units still to be done, in their order; those that failed come first."""

    def __init__(self, units: Sequence[int]) -> None:
        self._fresh = iter(units)
        self._left = len(units)
        self._again: deque[Assignment] = deque()
        self._records: dict[int, _Record] = {}
        self._in_flight: Counter[int] = Counter()  # by unit
        self._settled: set[int] = set()

    @property
    def waiting(self) -> int:
        """Assignments that no worker has yet."""
        return self._left + len(self._again)

    def take(self, suspects: bool) -> Assignment | None:
        """The next assignment, None where none waits; one that failed before only where `suspects` may be."""
        assignment = self._next_again(suspects) or self._next_fresh()
        if assignment is not None:
            self._in_flight[assignment.unit] += 1
        return assignment

    @property
    def suspects(self) -> int:
        """How many of those that wait have failed before."""
        return sum(assignment.suspect for assignment in self._again)

    def is_settled(self, assignment: Assignment) -> bool:
        """Whether its unit is committed: by it, or by a twin that was faster."""
        return assignment.unit in self._settled

    def may_be_twinned(self, assignment: Assignment) -> bool:
        """Whether an assignment in flight is a whole unit that nobody else has or will get."""
        alone = self._in_flight[assignment.unit] == 1 and not self._waits(assignment.unit)
        return assignment.probe is None and alone and not self.is_settled(assignment)

    def twin(self, assignment: Assignment) -> Assignment:
        """The assignment once more, for another worker than the one that has it."""
        self._in_flight[assignment.unit] += 1
        return assignment

    def done(self, assignment: Assignment) -> None:
        """The assignment succeeded: its unit is committed, or the probed part is innocent."""
        self._in_flight[assignment.unit] -= 1
        if assignment.probe is None:
            self._settled.add(assignment.unit)
            self._again = deque(other for other in self._again if other.unit != assignment.unit)
            return
        record = self._records.get(assignment.unit)
        if self.is_settled(assignment) or record is None or record.within is None:
            return
        if len(range(*assignment.probe)) > sum(row in range(*assignment.probe) for row in record.excluded):
            record.blamed = 0
        middle, stop = assignment.probe[1], record.within[1]
        if middle < stop:  # the first half is innocent
            self._search(assignment.unit, record, (middle, stop))
        else:  # the last suspect is innocent too
            self._try_again(assignment.unit, record)

    def failed(self, assignment: Assignment, samples: int) -> None:
        """The assignment's worker died or raised.

        Raises UnitKeepsFailingError after too many searches, and where every row of a unit seems to be bad:
        then it is rather the machines.
        """
        self._in_flight[assignment.unit] -= 1
        if self.is_settled(assignment):
            return
        record = self._records.setdefault(assignment.unit, _Record(samples))
        if assignment.probe is not None:
            self._search(assignment.unit, record, assignment.probe, guilty=True)
            return
        record.failures += 1
        if record.failures >= ATTEMPTS and record.within is None:
            self._search(assignment.unit, record, (0, record.samples))
        elif not self._is_elsewhere(assignment.unit):
            self._again.append(Assignment(assignment.unit, tuple(record.excluded), suspect=True))

    def again(self, assignment: Assignment) -> None:
        """The assignment was not done, and nothing is known of it: the store did not answer."""
        self._in_flight[assignment.unit] -= 1
        in_other_hands = assignment.probe is None and self._is_elsewhere(assignment.unit)  # a probe never is
        if not self.is_settled(assignment) and not in_other_hands:
            self._again.append(assignment)

    def lost(self, assignment: Assignment, samples: int) -> None:
        """The assignment's machine was taken away, or died; after _MACHINES of them the unit is suspected."""
        record = self._records.setdefault(assignment.unit, _Record(samples))
        record.machines += 1
        if record.machines > _MACHINES:
            self.failed(assignment, samples)
        else:
            self.again(assignment)

    def _next_again(self, suspects: bool) -> Assignment | None:
        for place, assignment in enumerate(self._again):
            if suspects or not assignment.suspect:
                del self._again[place]
                return assignment
        return None

    def _next_fresh(self) -> Assignment | None:
        number = next(self._fresh, None)
        if number is None:
            self._left = 0
            return None
        self._left -= 1
        return Assignment(number)

    def _waits(self, unit: int) -> bool:
        return any(assignment.unit == unit for assignment in self._again)

    def _is_elsewhere(self, unit: int) -> bool:
        return self._in_flight[unit] > 0 or self._waits(unit)

    def _search(self, unit: int, record: _Record, within: tuple[int, int], guilty: bool = False) -> None:
        start, stop = within
        if stop - start == 1 and guilty:
            record.alone += 1
            if record.alone == _ALONE:
                record.blamed += 1
                if record.blamed > _BLAMED:
                    raise UnitKeepsFailingError(unit, "whichever rows it is run without")
                record.excluded.append(start)
                record.failures, record.alone, record.within = 0, 0, None
                self._again.append(Assignment(unit, tuple(sorted(record.excluded)), suspect=True))
                return
        record.within = within
        middle = stop if stop - start == 1 else (start + stop) // 2
        self._again.append(Assignment(unit, tuple(sorted(record.excluded)), (start, middle), suspect=True))

    def _try_again(self, unit: int, record: _Record) -> None:
        record.rounds += 1
        if record.rounds == _ROUNDS:
            raise UnitKeepsFailingError(unit, "and no row of it does so alone")
        record.failures, record.alone, record.within = 0, 0, None
        self._again.append(Assignment(unit, tuple(sorted(record.excluded)), suspect=True))
