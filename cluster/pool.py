"""A pool of worker actors: started, measured, drained and ended."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from ray._private import state as ray_state
from ray.core.generated import common_pb2
from ray.exceptions import RayActorError, RayError, RayTaskError

from cluster.assignments import ATTEMPTS, Assignment
from cluster.events import log_event
from cluster.node_watch import NodeWatch
from cluster.preemption import AWS_ENDPOINT, GCP_HOST, Notice
from cluster.recipe import Ready, Receipt, Sampler, Task
from cluster.worker import Worker
from diffcxr.errors import DiffCXRError, IncompleteError

QUEUE = 2
"""Units in flight a worker: one denoises while the other one's reports are read or its shard is uploaded."""

_LAST_SECONDS = 5.0
"""Before a machine's end: what a worker has in hand then is dropped, and made elsewhere."""

_VERDICT_SECONDS = 20.0
"""Ray takes so long at most to find out that a node is dead."""


class WorkerActor:
    """A Worker in a process of its own."""

    def load(self, sampler: Sampler) -> Ready:
        start = time.perf_counter()
        self._worker = Worker.load(sampler)
        ready = self._worker.warm_up()
        node = ray.get_runtime_context().get_node_id()
        return replace(ready, node=node, seconds=time.perf_counter() - start)

    def measure(self) -> float:
        return self._worker.measure()

    def run(self, task: Task) -> Receipt:
        return self._worker.run(task)


@dataclass(frozen=True, slots=True)
class Flight:
    """An assignment that a worker has in hand."""

    assignment: Assignment
    since: float  # by time.monotonic()


@dataclass(eq=False, slots=True)
class Member:
    """An actor of the pool and what it has in hand."""

    actor: Any
    loading: Any  # the reference of its first word; None once it has said it
    ready: Ready | None = None
    tasks: dict[Any, Flight] = field(default_factory=dict)  # by reference
    since: float | None = None  # when it was begun to be paid for; None while it waits for a machine
    notice: Notice | None = None  # its machine is to be taken away
    proven: bool = False  # it has made a unit

    @property
    def held(self) -> float:
        """Seconds on its machine until now, as far as it has said its first word there."""
        return 0.0 if self.since is None else time.monotonic() - self.since

    @property
    def is_free(self) -> bool:
        alone = any(flight.assignment.suspect for flight in self.tasks.values())
        return self.ready is not None and self.notice is None and len(self.tasks) < QUEUE and not alone

    @property
    def is_late(self) -> bool:
        """Whether its machine is about to end."""
        deadline = None if self.notice is None else self.notice.deadline
        return deadline is not None and time.time() > deadline - _LAST_SECONDS


class Pool:
    """Worker actors of one sampler, between `smallest` and `largest` of them.

    An actor takes half a core, or a GPU and none: on a machine whose cores are all taken by actors, readers
    of Ray Data would wait for ever. Ray never restarts one or retries its calls: attempts are counted here.
    A node that workers are on is watched for its cloud's notices, if it is not the driver's own; that one too
    where the environment names a metadata service.
    """

    def __init__(
        self, sampler: Sampler, smallest: int, largest: int, actor: type[WorkerActor] = WorkerActor
    ) -> None:
        self._sampler, self._smallest, self._largest = sampler, smallest, largest
        gpu = sampler.device == "cuda"
        options: dict[str, Any] = {"max_restarts": 0, "max_task_retries": 0, "max_concurrency": QUEUE}
        self._actor: Any = ray.remote(num_cpus=0 if gpu else 0.5, num_gpus=int(gpu), **options)(actor)
        self.members: list[Member] = []
        self.stopped = False
        self._failed_starts = 0
        self._ended_seconds = 0.0
        self._watch = NodeWatch()
        self._notices: dict[str, Notice] = {}
        own = ray.get_runtime_context().get_node_id()
        self._unwatched = "" if {AWS_ENDPOINT, GCP_HOST} & os.environ.keys() else own

    @property
    def worker_seconds(self) -> float:
        """Seconds that workers were on machines until now, all of them together."""
        return self._ended_seconds + sum(member.held for member in self.members)

    @property
    def in_hand(self) -> int:
        """Units that workers have now."""
        return sum(len(member.tasks) for member in self.members)

    def first(self) -> Ready:
        """Starts a worker and waits for its first word. Raises DiffCXRError where the model cannot be run."""
        while True:
            if not self.members:
                self._start()
            member = self.members[0]
            if member.ready is not None:
                return member.ready
            self.welcome(member)

    def measure(self) -> float:
        """Seconds that a batch takes on the first worker."""
        seconds: float = ray.get(self.members[0].actor.measure.remote())
        return seconds

    def stop(self) -> None:
        """Lets a dispatch end as soon as the units are done that workers have; the others stay undone."""
        self.stopped = True

    def close(self) -> None:
        """Ends all workers; what they have in flight is lost, what they committed stays."""
        for member in list(self.members):
            self.drop(member, "closed")
        self._watch.close()

    def size_to(self, waiting: int) -> None:
        """Grows to the work that waits; at the tail, and from machines that end, gives back idle workers.

        Those that are still loading, or have no machine yet, go first, the newest before the others; those
        that have made a unit go last.
        """
        for member in [member for member in self.members if member.notice is not None and not member.tasks]:
            self.drop(member, "drained")
        staying = [member for member in self.members if member.notice is None]
        busy = sum(bool(member.tasks) for member in staying)
        wanted = max(self._smallest, min(self._largest, busy + waiting))
        for _ in range(wanted - len(staying)):
            self._start()
        loading = [member for member in reversed(staying) if member.ready is None]
        idle = [member for member in staying if member.ready is not None and not member.tasks]
        idle.sort(key=lambda member: member.proven)
        for member in [*loading, *idle][: max(0, len(staying) - wanted)]:
            self.drop(member, "not needed" if member.ready is None else "idle" if waiting else "tail")

    def welcome(self, member: Member) -> None:
        """Takes a started worker's first word; replaces one that failed to start, a few times."""
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
            ready = member.ready
            member.since = time.monotonic() - ready.seconds
            member.notice = self._notices.get(ready.node)
            log_event("worker ready", pid=ready.pid, node=ready.node)
            if ready.node not in ("", self._unwatched):
                self._watch.add(ready.node)
        member.loading = None

    def drop(self, member: Member, why: str) -> None:
        """Ends a worker, with whatever it has in hand."""
        self.members.remove(member)
        self._ended_seconds += member.held
        ray.kill(member.actor, no_restart=True)
        log_event("worker ended", pid=member.ready.pid if member.ready else None, why=why)

    @property
    def notices(self) -> Sequence[Any]:
        """References of what watchers have to say."""
        return self._watch.references

    def take_notice(self, reference: Any) -> None:
        """Lets the workers of a node that is to be taken away finish what they have, and no more."""
        answer = self._watch.answer(reference)
        if answer is not None:
            node, notice = answer
            self._notices[node] = notice
            log_event("node drained", node=node, kind=notice.kind)
            for member in self.members:
                if member.ready is not None and member.ready.node == node:
                    member.notice = notice

    def is_lost(self, member: Member, error: RayError) -> bool:
        """Whether a worker failed with its machine, and not by what it did."""
        preempted = isinstance(error, RayActorError) and error.preempted
        if preempted or member.notice is not None:
            return True
        return (
            member.ready is not None and bool(member.ready.node) and member.ready.node not in _living_nodes()
        )

    def _start(self) -> None:
        actor = self._actor.remote()
        self.members.append(Member(actor, actor.load.remote(self._sampler)))

    def _failed_start(self, member: Member, error: RayError) -> None:
        if isinstance(error, RayActorError) and (error.preempted or _died_with_its_node(member.actor)):
            self.drop(member, "lost with its machine")
            return
        self.drop(member, "failed to start")
        self._failed_starts += 1
        if self._failed_starts >= ATTEMPTS:
            cause = error.cause if isinstance(error, RayTaskError) else error
            what = f"workers fail while they start ({type(cause).__name__})"
            fix = "See the logs of the Ray workers: often a GPU or memory that is too small for batch_size."
            raise IncompleteError(what, self._sampler.model, fix) from error


def _died_with_its_node(actor: Any) -> bool:
    """What Ray knows of a dead actor's end; one that was still loading has told of no node.

    An actor that cannot be reached may not be known to be dead yet: Ray looks after its nodes now and then.
    """
    end = time.monotonic() + _VERDICT_SECONDS
    while (known := ray_state.actors(actor._actor_id.hex()))["State"] != "DEAD" and time.monotonic() < end:
        time.sleep(0.1)
    reasons = common_pb2.ActorDiedErrorContext.Reason  # type: ignore[attr-defined]
    return bool(known["DeathCause"].actor_died_error_context.reason == reasons.Value("NODE_DIED"))


def _living_nodes() -> set[str]:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return {node["NodeID"] for node in nodes if node["Alive"]}
