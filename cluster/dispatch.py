"""Hands units to a pool of worker actors, and yields what they answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from cluster.assignments import ATTEMPTS, Assignment, Assignments, UnitKeepsFailingError
from cluster.plan import Plan
from cluster.recipe import Ready, Receipt, Recipe, Sampler, Task
from cluster.storage_errors import UnavailableError
from cluster.worker import Worker
from diffcxr.errors import DiffCXRError, IncompleteError

QUEUE = 2
"""Units in flight a worker: one denoises while the other one's reports are read or its shard is uploaded."""

_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Lost:
    """Units whose worker died, or that raised; they are tried again."""

    units: tuple[int, ...]
    error: str  # its class alone: messages may hold report text


class WorkerActor:
    """A Worker in a process of its own."""

    def load(self, sampler: Sampler) -> Ready:
        self._worker = Worker.load(sampler)
        return self._worker.warm_up()

    def measure(self) -> float:
        return self._worker.measure()

    def run(self, task: Task) -> Receipt:
        return self._worker.run(task)


@dataclass(eq=False, slots=True)
class _Member:
    """An actor of the pool and what it has in hand."""

    actor: Any
    loading: Any  # the reference of its first word; None once it has said it
    ready: Ready | None = None
    tasks: dict[Any, Assignment] = field(default_factory=dict)  # by reference
    since: float = field(default_factory=time.monotonic)

    @property
    def is_free(self) -> bool:
        alone = any(assignment.suspect for assignment in self.tasks.values())
        return self.ready is not None and len(self.tasks) < QUEUE and not alone


class Pool:
    """Worker actors of one sampler, between `smallest` and `largest` of them.

    An actor takes half a core, or a GPU and none: on a machine whose cores are all taken by actors, readers
    of Ray Data would wait for ever. Ray never restarts one or retries its calls: attempts are counted here.
    """

    def __init__(
        self, sampler: Sampler, smallest: int, largest: int, actor: type[WorkerActor] = WorkerActor
    ) -> None:
        self._sampler, self._smallest, self._largest = sampler, smallest, largest
        gpu = sampler.device == "cuda"
        options: dict[str, Any] = {"max_restarts": 0, "max_task_retries": 0, "max_concurrency": QUEUE}
        self._actor: Any = ray.remote(num_cpus=0 if gpu else 0.5, num_gpus=int(gpu), **options)(actor)
        self._members: list[_Member] = []
        self._failed_starts = 0
        self._ended_seconds = 0.0
        self._stopped = False

    @property
    def worker_seconds(self) -> float:
        """Seconds that workers were held until now, all of them together."""
        now = time.monotonic()
        return self._ended_seconds + sum(now - member.since for member in self._members)

    @property
    def in_hand(self) -> int:
        """Units that workers have now."""
        return sum(len(member.tasks) for member in self._members)

    def stop(self) -> None:
        """Lets `run` end as soon as the units are done that workers have; the others stay undone."""
        self._stopped = True

    def first(self) -> Ready:
        """Starts a worker and waits for its first word. Raises DiffCXRError where the model cannot be run."""
        while True:
            if not self._members:
                self._start()
            member = self._members[0]
            if member.ready is not None:
                return member.ready
            self._ready(member)

    def measure(self) -> float:
        """Seconds that a batch takes on the first worker."""
        seconds: float = ray.get(self._members[0].actor.measure.remote())
        return seconds

    def close(self) -> None:
        """Ends all workers; what they have in flight is lost, what they committed stays."""
        for member in list(self._members):
            self._drop(member)

    def run(self, recipe: Recipe, plan: Plan, units: Sequence[int]) -> Iterator[Receipt | Lost | None]:
        """Receipts of units of a plan as they are done, in any order, and between them what was lost; None
        where a second went by without either.

        Raises the DiffCXRError of a worker (damaged corpus, another run's shard), and IncompleteError where
        units or workers keep failing.
        """
        assignments = Assignments(units)
        while self.in_hand or (assignments.waiting and not self._stopped):
            self._size_to(0 if self._stopped else assignments.waiting)
            if not self._stopped:
                self._hand_out(assignments, recipe, plan)
            in_hand = {reference: member for member in self._members for reference in member.tasks}
            loading = {member.loading: member for member in self._members if member.loading is not None}
            done, _ = ray.wait([*in_hand, *loading], num_returns=1, timeout=_POLL_SECONDS)
            if not done:
                yield None
            for reference in done:
                if reference in loading:
                    self._ready(loading[reference])
                    continue
                member = in_hand[reference]
                assignment = member.tasks[reference]
                answer = self._answer(member, reference, assignments, plan)
                if isinstance(answer, Lost) or assignment.probe is None:
                    yield answer

    def _answer(
        self, member: _Member, reference: Any, assignments: Assignments, plan: Plan
    ) -> Receipt | Lost:
        """The receipt, or what is lost; a failed worker is replaced and its units go to others."""
        try:
            receipt: Receipt = ray.get(reference)
        except RayError as error:
            lost = list(member.tasks.values())
            cause = error.cause if isinstance(error, RayTaskError) else None
            if isinstance(cause, DiffCXRError) and not isinstance(cause, UnavailableError):
                raise cause from error
            if isinstance(cause, UnavailableError):
                lost = [member.tasks.pop(reference)]  # the store's fault: the worker is well
            else:
                self._drop(member)
            name = type(cause or error).__name__
            try:
                for assignment in lost:
                    assignments.failed(assignment, plan.unit(assignment.unit).samples)
            except UnitKeepsFailingError as failing:
                fix = "See the logs of the Ray workers, then run the same command again."
                raise IncompleteError(str(failing), name, fix) from error
            return Lost(tuple(assignment.unit for assignment in lost), name)
        assignments.done(member.tasks.pop(reference))
        return receipt

    def _hand_out(self, assignments: Assignments, recipe: Recipe, plan: Plan) -> None:
        for depth in range(QUEUE):  # first one unit to each worker, then a second one
            for member in self._members:
                if member.is_free and len(member.tasks) == depth:
                    assignment = assignments.take(suspects=depth == 0)
                    if assignment is None:
                        continue
                    task = Task(recipe, plan.unit(assignment.unit), assignment.excluded, assignment.probe)
                    member.tasks[member.actor.run.remote(task)] = assignment

    def _size_to(self, waiting: int) -> None:
        """Grows to the work that waits; at the tail, gives back workers that have nothing to do."""
        busy = sum(bool(member.tasks) for member in self._members)
        wanted = max(self._smallest, min(self._largest, busy + waiting))
        while len(self._members) < wanted:
            self._start()
        idle = [member for member in self._members if member.ready is not None and not member.tasks]
        for member in idle[: len(self._members) - wanted]:
            self._drop(member)

    def _start(self) -> None:
        actor = self._actor.remote()
        self._members.append(_Member(actor, actor.load.remote(self._sampler)))

    def _ready(self, member: _Member) -> None:
        try:
            member.ready = ray.get(member.loading)
        except RayTaskError as error:
            if isinstance(error.cause, DiffCXRError):
                raise error.cause from error
            self._failed_start(member, error)
        except RayActorError as error:
            self._failed_start(member, error)
        else:
            self._failed_starts = 0
        member.loading = None

    def _failed_start(self, member: _Member, error: RayError) -> None:
        self._drop(member)
        self._failed_starts += 1
        if self._failed_starts >= ATTEMPTS:
            cause = error.cause if isinstance(error, RayTaskError) else error
            what = f"workers fail while they start ({type(cause).__name__})"
            fix = "See the logs of the Ray workers: often a GPU or memory that is too small for batch_size."
            raise IncompleteError(what, self._sampler.model, fix) from error

    def _drop(self, member: _Member) -> None:
        self._members.remove(member)
        self._ended_seconds += time.monotonic() - member.since
        ray.kill(member.actor, no_restart=True)
