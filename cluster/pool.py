"""A pool of worker actors: started, measured, drained and ended."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayError, RayTaskError

from cluster.events import log_event
from cluster.machines import died_with_its_node, living_nodes, node_of
from cluster.member import QUEUE, Member
from cluster.node_watch import NodeWatch
from cluster.preemption import AWS_ENDPOINT, GCP_HOST, Notice
from cluster.recipe import Ready, Receipt, Sampler, Task
from cluster.stack import differing
from cluster.standing import ATTEMPTS, Standing
from diffcxr.errors import DiffCXRError, FailingError

if TYPE_CHECKING:
    from cluster.worker import Worker

_TELL_SECONDS = 10.0
"""Between two words on what a run waits for before it has a worker."""

_LOAD_SECONDS = 3600.0
"""On a machine, without a word: 20 GB of weights by 50 Mbit/s take as long; a device may hang for ever."""

_LOOK_SECONDS = 60.0  # between two looks at those that load


class WorkerActor:
    """A Worker in a process of its own, which alone imports torch: the driver, that does without, starts
    seconds earlier.
    """

    _worker: Worker

    def load(self, sampler: Sampler) -> Ready:
        from cluster.worker import Worker

        start = time.perf_counter()
        self._worker = Worker.load(sampler)
        ready = self._worker.warm_up()
        node = ray.get_runtime_context().get_node_id()
        return replace(ready, node=node, seconds=time.perf_counter() - start)

    def measure(self) -> float:
        return self._worker.measure()

    def run(self, task: Task) -> Receipt:
        return self._worker.run(task)


class Pool:
    """Worker actors of one sampler, between `smallest` and `largest` of them.

    An actor takes half a core, or a GPU and none: on a machine whose cores are all taken by actors, readers
    of Ray Data would wait for ever. Those that compute on cores are spread over the machines. Ray never
    restarts one or retries its calls: attempts are counted here.
    A node that workers are on is watched for its cloud's notices, if it is not the driver's own; that one too
    where the environment names a metadata service. Where workers fail before they have made a unit, none is
    started for a while, if there are other machines or workers. One that loads for an hour has failed.
    """

    def __init__(
        self, sampler: Sampler, smallest: int, largest: int, actor: type[WorkerActor] = WorkerActor
    ) -> None:
        self._sampler, self._smallest, self._largest = sampler, smallest, largest
        gpu = sampler.device == "cuda"
        room = {"num_gpus": 1, "num_cpus": 0} if gpu else {"num_cpus": 0.5, "scheduling_strategy": "SPREAD"}
        options: dict[str, Any] = {"max_restarts": 0, "max_task_retries": 0, "max_concurrency": QUEUE, **room}
        self._actor: Any = ray.remote(**options)(actor)
        self._resource = "GPU" if gpu else "CPU"
        self.members: list[Member] = []
        self.stopped = False
        self.differing: set[str] = set()
        """In what the stacks of workers differ: accelerator, versions."""
        self._stack: Mapping[str, str] = {}  # of the first one; empty before any was ready
        self._standing = Standing()
        self._ended_seconds = 0.0
        self._look = 0.0  # when those that load are looked at next, by time.monotonic()
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
        """Starts a worker and waits for its first word, with an event now and then that says so.

        Raises DiffCXRError where the model cannot be run.
        """
        begun = time.monotonic()
        while True:
            if not self.members:
                self._start(self._avoided())
            member = self.members[0]
            if member.ready is not None:
                return member.ready
            if ray.wait([member.loading], timeout=_TELL_SECONDS)[0]:
                self.welcome(member)
            else:
                what = "a worker to load its model" if node_of(member.actor) else f"a {self._resource}"
                log_event("waiting", what=what, seconds=round(time.monotonic() - begun))
                self._end_stuck()
                self._place_anew(self._avoided())

    def measure(self) -> float:
        """Seconds that a batch takes on the first worker. Raises FailingError where it cannot make one."""
        try:
            seconds: float = ray.get(self.members[0].actor.measure.remote())
        except RayError as error:
            what, fix = f"no batch could be timed ({type(error).__name__})", "Run the same command again."
            raise FailingError(what, self._sampler.model, fix) from error
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
        self._end_stuck()
        avoided = self._avoided()
        self._place_anew(avoided)
        staying = [member for member in self.members if member.notice is None]
        busy = sum(bool(member.tasks) for member in staying)
        wanted = max(self._smallest, min(self._largest, busy + waiting))
        if self._has_room(avoided):
            for _ in range(wanted - len(staying)):
                self._start(avoided)
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
            if isinstance(error.cause, DiffCXRError) and not self._stack:  # it is not this worker's fault
                raise error.cause from error
            self._failed_start(member, error)
        except RayError as error:  # it died, was killed for memory, or cannot be placed
            self._failed_start(member, error)
        else:
            ready = member.ready
            self._standing.started(ready.node)
            member.since = time.monotonic() - ready.seconds
            member.notice = self._notices.get(ready.node)
            log_event("worker ready", pid=ready.pid, node=ready.node)
            self._compare(ready)
            if ready.node not in ("", self._unwatched):
                self._watch.add(ready.node)
        member.loading = None

    def drop(self, member: Member, why: str) -> None:
        """Ends a worker, with whatever it has in hand."""
        self.members.remove(member)
        self._ended_seconds += member.held
        ray.kill(member.actor, no_restart=True)
        log_event("worker ended", pid=member.ready.pid if member.ready else None, why=why)
        nodes = {other.ready.node for other in self.members if other.ready is not None}
        if member.ready is not None and member.ready.node not in nodes:
            self._watch.release(member.ready.node)

    def fail(self, member: Member, error: RayError) -> bool:
        """Ends a worker that failed with what it has in hand; whether it did so with its machine."""
        lost = self._is_lost(member, error)
        if not lost and not member.proven and member.ready is not None:
            self._standing.failed(member.ready.node, time.monotonic())
        self.drop(member, "lost with its machine" if lost else "failed")
        return lost

    def end_hanging(self, member: Member) -> None:
        """Ends a worker that does not answer."""
        if not member.proven and member.ready is not None:
            self._standing.failed(member.ready.node, time.monotonic())
        self.drop(member, "hangs")

    def prove(self, member: Member) -> None:
        """A worker has made a unit."""
        if not member.proven and member.ready is not None:
            self._standing.proved(member.ready.node)
        member.proven = True

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

    def _is_lost(self, member: Member, error: RayError) -> bool:
        """Whether a worker failed with its machine, and not by what it did."""
        if member.notice is not None:
            return True
        return isinstance(error, RayActorError) and (error.preempted or died_with_its_node(member.actor))

    def _start(self, avoided: frozenset[str]) -> None:
        selector = {"ray.io/node-id": f"!in({','.join(sorted(avoided))})"} if avoided else None
        actor = self._actor.options(label_selector=selector).remote()
        self.members.append(Member(actor, actor.load.remote(self._sampler), avoided))

    def _end_stuck(self) -> None:
        """Ends workers that load for too long; the time for which they wait for a machine is none of it."""
        now = time.monotonic()
        if now < self._look:
            return
        self._look = now + _LOOK_SECONDS
        for member in [member for member in self.members if member.loading is not None]:
            if member.placed is None:
                member.placed = now if node_of(member.actor) else None
            elif now - member.placed > _LOAD_SECONDS and not ray.wait([member.loading], timeout=0)[0]:
                self._failed_start(member, GetTimeoutError())

    def _place_anew(self, avoided: frozenset[str]) -> None:
        """Drops workers that wait for a machine while one that they were to avoid need not be avoided now."""
        for member in [member for member in self.members if member.loading and member.avoids - avoided]:
            if not node_of(member.actor):
                self.drop(member, "may be placed anew")

    def _ready(self) -> bool:
        return any(member.ready is not None for member in self.members)

    def _avoided(self) -> frozenset[str]:
        """Nodes on which no worker is to be started now: none, where there are neither others nor workers."""
        avoided = self._standing.avoided(time.monotonic()) - {""}
        return avoided if self._ready() or self._has_room(avoided) else frozenset()

    def _has_room(self, avoided: frozenset[str]) -> bool:
        """Whether a worker can be placed elsewhere, now or on a machine that comes with work."""
        nodes = living_nodes(self._resource) if avoided else set()
        return not nodes or not nodes <= avoided

    def _compare(self, ready: Ready) -> None:
        """Films of another stack may differ in their last bits: they are made, and it is said."""
        self._stack = self._stack or ready.stack
        new = set(differing(self._stack, ready.stack)) - self.differing
        if new:
            self.differing |= new
            log_event("another stack", node=ready.node, differs=", ".join(sorted(new)))

    def _failed_start(self, member: Member, error: RayError) -> None:
        if self._is_lost(member, error):
            self.drop(member, "lost with its machine")
            return
        node, cause = node_of(member.actor), error.cause if isinstance(error, RayTaskError) else error
        self.drop(member, "failed to start")
        self._standing.failed_start(node, time.monotonic())
        told = str(cause) if isinstance(cause, DiffCXRError) else ""  # no text of a report, as others may
        log_event("worker failed to start", node=node, error=type(cause).__name__, told=told)
        nodes = living_nodes(self._resource) | {node} if node else {node}  # it never had one: nobody's fault
        none_ever = not self._stack and self._standing.failing >= ATTEMPTS
        if none_ever or (not self._ready() and not self._standing.can_start(nodes)):
            what = f"workers fail while they start ({type(cause).__name__})"
            fix = "Often a GPU or memory is too small for batch_size. See Ray's logs of its workers."
            raise FailingError(what, self._sampler.model, fix) from error
