"""Hands the units of a plan to a pool of workers, and yields what they answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from cluster.assignments import Assignment, Assignments, UnitKeepsFailingError
from cluster.events import log_event
from cluster.member import QUEUE, Flight, Member
from cluster.patience import Patience
from cluster.plan import Plan
from cluster.pool import Pool
from cluster.recipe import Receipt, Recipe, Task
from cluster.storage_errors import CredentialsError, UnavailableError
from diffcxr.errors import DiffCXRError, FailingError, InputError

OUTAGE_SECONDS = 600.0
"""How long a store may fail every worker before the run gives up; workers try for a while themselves."""

_POLL_SECONDS = 1.0
_CLAIM_SECONDS = 5.0  # for the worker that committed what its twin found there, to say so
_TELL_SECONDS = 30.0  # without any answer; then after twice as long, and so on


@dataclass(frozen=True, slots=True)
class Lost:
    """Units whose worker died, or that raised; they are tried again."""

    units: tuple[int, ...]
    error: str  # its class alone: messages may hold report text


def dispatch(
    pool: Pool, recipe: Recipe, plan: Plan, units: Sequence[int], may_begin: Callable[[], bool] = lambda: True
) -> Iterator[Receipt | Lost | None]:
    """Receipts of units of a plan as they are done, in any order, and between them what was lost; None where
    a second went by without either. Where no unit waits, one that takes far longer than the others did is
    given to an idle worker as well; its first receipt counts, and one that says who committed it may follow.
    A worker that is silent for far too long is ended, and what it had counts as failed. The pool is stopped
    as soon as one more could be handed out and `may_begin` says no.

    Raises the DiffCXRError of a worker (damaged corpus, another run's shard, a store that did not answer, or
    took nobody's keys any more, for OUTAGE_SECONDS), and IncompleteError where units or workers keep failing.
    """
    return _Dispatch(pool, recipe, plan, units, may_begin).answers()


class _Dispatch:
    def __init__(
        self, pool: Pool, recipe: Recipe, plan: Plan, units: Sequence[int], may_begin: Callable[[], bool]
    ) -> None:
        self._pool, self._recipe, self._plan, self._may_begin = pool, recipe, plan, may_begin
        self._assignments = Assignments(units)
        self._patience = Patience()
        self._away: float | None = None  # since when the store fails whoever asks it
        self._works = False  # a worker has answered: there are keys to the store
        self._unclaimed: dict[int, float] = {}  # units that were found committed, and when
        self._heard = time.monotonic()  # the last answer
        self._silence = _TELL_SECONDS  # after it, of which is told next

    def answers(self) -> Iterator[Receipt | Lost | None]:
        pool, assignments = self._pool, self._assignments
        while pool.in_hand or (assignments.waiting and not pool.stopped):
            pool.size_to(0 if pool.stopped else assignments.waiting or len(self._stragglers()))
            if not pool.stopped:
                self._hand_out()
            in_hand = {reference: member for member in pool.members for reference in member.tasks}
            loading = {member.loading: member for member in pool.members if member.loading is not None}
            references = [*in_hand, *loading, *pool.notices]
            done, _ = ray.wait(references, num_returns=1, timeout=_POLL_SECONDS) if references else ([], [])
            if not done:
                self._tell()
                yield None
            for reference in done:
                if reference in loading:
                    pool.welcome(loading[reference])
                elif reference not in in_hand:
                    pool.take_notice(reference)
                else:
                    answer = self._answer(in_hand[reference], reference)
                    if answer is not None:
                        yield answer
            for member in [member for member in pool.members if member.is_late]:
                pool.drop(member, "its machine ends")
                answer = self._lost(member, "Preempted", innocent=True)
                if answer is not None:
                    yield answer
            for member in [member for member in pool.members if self._is_overtaken(member)]:
                pool.drop(member, "overtaken")
            for member in [member for member in pool.members if self._hangs(member)]:
                pool.end_hanging(member)
                answer = self._lost(member, "Hangs", innocent=False)
                if answer is not None:
                    yield answer

    def _hangs(self, member: Member) -> bool:
        """Whether it has been silent for too long, and no answer of its lies here since the driver froze."""
        silent = member.silence > self._patience.hangs_seconds(member.samples)
        return silent and not ray.wait(list(member.tasks), num_returns=1, timeout=_POLL_SECONDS)[0]

    def _tell(self) -> None:
        """Says that nothing has come for long, at intervals that double: nobody else would."""
        largest = max((member.samples for member in self._pool.members), default=0)
        silence, usual = time.monotonic() - self._heard, self._patience.seconds(largest)
        if silence >= (self._silence if usual == math.inf else max(self._silence, usual)):
            flights = [flight for member in self._pool.members for flight in member.tasks.values()]
            units = sorted({flight.assignment.unit for flight in flights})
            if units:
                log_event("silence", seconds=round(silence), units=units)
            else:
                log_event("waiting", what="a worker", seconds=round(silence))
            self._silence = 2 * silence

    def _hand_out(self) -> None:
        sound = self._sound()
        testers = sound[: self._assignments.suspects]  # they get nothing else meanwhile
        for depth in range(QUEUE):  # first one unit to each worker, then a second one
            for member in self._pool.members:
                if member.is_free and len(member.tasks) == depth and not (depth and member in testers):
                    if self._assignments.waiting and not self._goes_on():
                        return
                    suspects = not depth and (member in testers or not sound)
                    assignment = self._assignments.take(suspects)
                    if assignment is not None:
                        self._hand(member, assignment)
        if not self._assignments.waiting:
            idle = [member for member in self._pool.members if member.is_free and not member.tasks]
            for member, straggler in zip(idle, self._stragglers(), strict=False):
                if not self._goes_on():
                    return
                self._hand(member, self._assignments.twin(straggler))

    def _goes_on(self) -> bool:
        """Whether one more may be begun; else the pool is stopped."""
        if not self._may_begin():
            self._pool.stop()
        return not self._pool.stopped

    def _sound(self) -> list[Member]:
        """Workers that have made a unit and are not late with another, those first that have least in hand.

        What failed goes to them, if there are any: the worker that takes the place of a failed one is often
        on the same machine, and where that is broken every unit that it gets would look bad.
        """
        sound = [
            member
            for member in self._pool.members
            if member.proven
            and member.notice is None
            and not any(self._is_late(flight) for flight in member.tasks.values())
        ]
        return sorted(sound, key=lambda member: len(member.tasks))

    def _hand(self, member: Member, assignment: Assignment) -> None:
        unit = self._plan.unit(assignment.unit)
        task = Task(self._recipe, unit, assignment.excluded, assignment.probe)
        flight = Flight(assignment, time.monotonic(), max(unit.samples, member.samples))
        member.tasks[member.actor.run.remote(task)] = flight

    def _is_late(self, flight: Flight) -> bool:
        return time.monotonic() - flight.since > self._patience.seconds(flight.samples)

    def _stragglers(self) -> list[Assignment]:
        """What one worker alone has, and for too long; the longest first."""
        flights = (flight for member in self._pool.members for flight in member.tasks.values())
        late = [
            flight
            for flight in flights
            if self._is_late(flight) and self._assignments.may_be_twinned(flight.assignment)
        ]
        return [flight.assignment for flight in sorted(late, key=lambda flight: flight.since)]

    def _is_overtaken(self, member: Member) -> bool:
        """Whether twins have done all that it has in hand: it may hang, and nobody waits for it."""
        units = {flight.assignment.unit for flight in member.tasks.values()}
        claims = (time.monotonic() - self._unclaimed[unit] for unit in units & self._unclaimed.keys())
        settled = all(self._assignments.is_settled(flight.assignment) for flight in member.tasks.values())
        return bool(units) and settled and all(seconds > _CLAIM_SECONDS for seconds in claims)

    def _answer(self, member: Member, reference: Any) -> Receipt | Lost | None:
        """The receipt, or what is lost; a failed worker is replaced and its units go to others.

        None for a probe's receipt, and for whatever becomes of a unit that a twin has done, but its commit.
        """
        member.heard = self._heard = time.monotonic()
        self._silence = _TELL_SECONDS
        try:
            receipt: Receipt = ray.get(reference)
        except RayError as error:
            cause = error.cause if isinstance(error, RayTaskError) else None
            if isinstance(cause, UnavailableError):
                self._wait_out(cause)
                return self._given_back([member.tasks.pop(reference)], cause)
            if isinstance(cause, CredentialsError) and self._works:
                self._wait_out(cause)
                self._pool.fail(member, error)
                return self._given_back(list(member.tasks.values()), cause)
            if isinstance(cause, DiffCXRError):
                raise cause from error
            innocent = self._pool.fail(member, error)
            return self._lost(member, type(cause or error).__name__, innocent)
        self._away, self._works = None, True
        flight = member.tasks.pop(reference)
        assignment = flight.assignment
        counts = assignment.probe is None and not self._assignments.is_settled(assignment)
        self._assignments.done(assignment)
        if counts and not receipt.committed:
            self._unclaimed[assignment.unit] = time.monotonic()
        if assignment.probe is None and receipt.seconds_denoising:  # else it was there already
            if receipt.rows:
                self._patience.learn(time.monotonic() - flight.since, receipt.rows)
            self._pool.prove(member)
        return receipt if counts or receipt.committed else None

    def _wait_out(self, error: InputError) -> None:
        """Raises a store's refusal where for OUTAGE_SECONDS nobody has got on."""
        now = time.monotonic()
        self._away = self._away or now
        if now - self._away > OUTAGE_SECONDS:
            raise error

    def _given_back(self, flights: Sequence[Flight], error: InputError) -> Lost | None:
        """Flights that the store ended, or one machine's keys to it: no unit is to blame."""
        units = self._unsettled(flights)
        for flight in flights:
            self._assignments.again(flight.assignment)
        return Lost(units, type(error).__name__) if units else None

    def _lost(self, member: Member, name: str, innocent: bool) -> Lost | None:
        """What a worker that was dropped had in hand, as far as no twin has done it."""
        units = self._unsettled(member.tasks.values())
        try:
            for assignment in [flight.assignment for flight in member.tasks.values()]:
                samples = self._plan.unit(assignment.unit).samples
                if innocent:
                    self._assignments.lost(assignment, samples)
                else:
                    self._assignments.failed(assignment, samples)
        except UnitKeepsFailingError as failing:
            fix = "Run the same command again, on other machines perhaps. See Ray's logs of its workers."
            raise FailingError(str(failing), name, fix) from failing
        return Lost(units, name) if units else None

    def _unsettled(self, flights: Iterable[Flight]) -> tuple[int, ...]:
        """The units of flights, as far as no twin has done them."""
        assignments = (flight.assignment for flight in flights)
        return tuple(one.unit for one in assignments if not self._assignments.is_settled(one))
