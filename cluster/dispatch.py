"""Hands the units of a plan to a pool of workers, and yields what they answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from cluster.assignments import Assignment, Assignments, UnitKeepsFailingError
from cluster.plan import Plan
from cluster.pool import QUEUE, Member, Pool
from cluster.recipe import Receipt, Recipe, Task
from cluster.storage_errors import UnavailableError
from diffcxr.errors import DiffCXRError, IncompleteError

OUTAGE_SECONDS = 600.0
"""How long a store may fail every worker before the run gives up; workers try for a while themselves."""

_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Lost:
    """Units whose worker died, or that raised; they are tried again."""

    units: tuple[int, ...]
    error: str  # its class alone: messages may hold report text


def dispatch(pool: Pool, recipe: Recipe, plan: Plan, units: Sequence[int]) -> Iterator[Receipt | Lost | None]:
    """Receipts of units of a plan as they are done, in any order, and between them what was lost; None where
    a second went by without either.

    Raises the DiffCXRError of a worker (damaged corpus, another run's shard, a store that did not answer for
    OUTAGE_SECONDS), and IncompleteError where units or workers keep failing.
    """
    return _Dispatch(pool, recipe, plan, units).answers()


class _Dispatch:
    def __init__(self, pool: Pool, recipe: Recipe, plan: Plan, units: Sequence[int]) -> None:
        self._pool, self._recipe, self._plan = pool, recipe, plan
        self._assignments = Assignments(units)
        self._answered = time.monotonic()

    def answers(self) -> Iterator[Receipt | Lost | None]:
        pool, assignments = self._pool, self._assignments
        while pool.in_hand or (assignments.waiting and not pool.stopped):
            pool.size_to(0 if pool.stopped else assignments.waiting)
            if not pool.stopped:
                self._hand_out()
            in_hand = {reference: member for member in pool.members for reference in member.tasks}
            loading = {member.loading: member for member in pool.members if member.loading is not None}
            references = [*in_hand, *loading, *pool.notices]
            done, _ = ray.wait(references, num_returns=1, timeout=_POLL_SECONDS) if references else ([], [])
            if not done:
                yield None
            for reference in done:
                if reference in loading:
                    pool.welcome(loading[reference])
                elif reference not in in_hand:
                    pool.take_notice(reference)
                else:
                    assignment = in_hand[reference].tasks[reference]
                    answer = self._answer(in_hand[reference], reference)
                    if isinstance(answer, Lost) or assignment.probe is None:
                        yield answer
            for member in [member for member in pool.members if member.is_late]:
                pool.drop(member, "its machine ends")
                if member.tasks:
                    yield self._lost(list(member.tasks.values()), "Preempted", innocent=True)

    def _hand_out(self) -> None:
        for depth in range(QUEUE):  # first one unit to each worker, then a second one
            for member in self._pool.members:
                if member.is_free and len(member.tasks) == depth:
                    assignment = self._assignments.take(suspects=depth == 0)
                    if assignment is None:
                        continue
                    unit = self._plan.unit(assignment.unit)
                    task = Task(self._recipe, unit, assignment.excluded, assignment.probe)
                    member.tasks[member.actor.run.remote(task)] = assignment

    def _answer(self, member: Member, reference: Any) -> Receipt | Lost:
        """The receipt, or what is lost; a failed worker is replaced and its units go to others."""
        try:
            receipt: Receipt = ray.get(reference)
        except RayError as error:
            cause = error.cause if isinstance(error, RayTaskError) else None
            if isinstance(cause, UnavailableError):
                return self._outage(member.tasks.pop(reference), cause)
            if isinstance(cause, DiffCXRError):
                raise cause from error
            innocent = self._pool.is_lost(member, error)
            self._pool.drop(member, "lost with its machine" if innocent else "failed")
            return self._lost(list(member.tasks.values()), type(cause or error).__name__, innocent)
        self._answered = time.monotonic()
        self._assignments.done(member.tasks.pop(reference))
        return receipt

    def _outage(self, assignment: Assignment, error: UnavailableError) -> Lost:
        """The store's fault: neither the worker's nor the unit's."""
        if time.monotonic() - self._answered > OUTAGE_SECONDS:
            raise error
        self._assignments.again(assignment)
        return Lost((assignment.unit,), type(error).__name__)

    def _lost(self, assignments: Sequence[Assignment], name: str, innocent: bool) -> Lost:
        try:
            for assignment in assignments:
                samples = self._plan.unit(assignment.unit).samples
                if innocent:
                    self._assignments.lost(assignment, samples)
                else:
                    self._assignments.failed(assignment, samples)
        except UnitKeepsFailingError as failing:
            fix = "See the logs of the Ray workers, then run the same command again."
            raise IncompleteError(str(failing), name, fix) from failing
        return Lost(tuple(assignment.unit for assignment in assignments), name)
