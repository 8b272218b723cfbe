"""Training on Ray Train: one function in some workers, and what it tells the driver."""

from __future__ import annotations

import platform
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import ray
import ray.cloudpickle
import ray.train
import ray.train.torch
import torch
import torch.distributed as dist
from ray import PlacementGroupID
from ray.train import TrainingFailedError
from ray.train.torch import TorchConfig, TorchTrainer
from ray.train.v2._internal.exceptions import WorkerHealthCheckFailedError, WorkerHealthCheckTimeoutError
from ray.util.placement_group import PlacementGroup, placement_group_table, remove_placement_group
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from diffcxr.errors import DiffCXRError, IncompleteError, InputError

S = TypeVar("S")
T = TypeVar("T")

_RETRIES = 3  # of workers that died, with nothing saved between their deaths
_POLL_S = 0.5
_MEETING_S = 24 * 3600  # one worker's machine may have films to decode for hours that another's has kept

_trainer: Any = None
"""In a training worker: the actor that its driver listens to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """How many train together, and what each of them has."""

    threads: int  # cores of each
    count: int = 1
    gpu: bool = False


def place_workers(count: int, threads: int | None, gpu: bool, grows: bool) -> Workers:
    """Workers for the cluster of the open session; without `threads` they share its cores evenly.

    Args:
        count: workers.
        threads: cores of each.
        gpu: whether each has a GPU of its own.
        grows: whether nodes may be added to the cluster: then the workers wait for what it lacks.

    Raises InputError where they can never have what they need.
    """
    nodes = [node for node in _nodes() if not gpu or node.get("GPU", 0)]
    cores = [int(node.get("CPU", 0)) for node in nodes]
    if not grows:
        gpus = sum(int(node.get("GPU", 0)) for node in nodes)
        if gpu and gpus < count:
            raise InputError(f"{count} workers and {gpus} GPUs", "workers", "Each takes a GPU of its own.")
        most = cores_each(cores, count)
        if not most:
            raise InputError(f"{count} workers and {sum(cores)} cores", "workers", "Each takes one or more.")
        if threads is not None and threads > most:
            what = f"{count} workers cannot have {threads} cores each"
            raise InputError(what, "threads", f"It may be at most {most} here.")
    return Workers(count=count, threads=threads or max(1, cores_each(cores, count)), gpu=gpu)


def cores_each(cores: Sequence[int], count: int) -> int:
    """The most cores that each of `count` workers can have on nodes of so many `cores`; 0: not even one."""
    for threads in range(max(cores, default=0), 0, -1):
        if sum(node // threads for node in cores) >= count:
            return threads
    return 0


def train_on_workers(train: Callable[[S], None], settings: S, workers: Workers) -> Iterator[Any]:
    """Calls `train(settings)` in every worker, in one process group of torch; yields what they `tell`.

    Where a worker dies all of them begin again, so `train` goes on from what it saved in object storage.
    However it ends, also by closing the iterator, no worker is left.

    Raises the DiffCXRError that a worker raised, InputError where its memory does not suffice,
    IncompleteError where workers died again and again with nothing saved between, and TrainingFailedError for
    a bug.
    """
    # Beside the driver, so that no other machine's end is the training's.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options: dict[str, Any] = {"num_cpus": 0, "max_concurrency": 4, "scheduling_strategy": here}
    groups = placement_group_table().keys()
    trainer: Any = ray.remote(_Trainer).options(**options).remote()
    # Bytes, so that what `train` needs is imported by workers alone: that takes ten seconds or more.
    work: bytes = ray.cloudpickle.dumps((train, settings))  # type: ignore[no-untyped-call]
    try:
        fitted = trainer.fit.remote(trainer, work, workers)
        shown, running = 0, True
        while running:
            running = bool(ray.wait([fitted], timeout=_POLL_S)[1])
            told, mistake = ray.get(trainer.heard.remote(shown))
            yield from told
            shown += len(told)
            if mistake is not None:  # the other workers may wait for this one in an exchange of gradients
                raise mistake
        ray.get(fitted)
    finally:
        ray.kill(trainer)  # what it has started goes with it, but the cores that were put aside for workers
        # A session that is interrupted ends anyway, and may be so because its control store is gone.
        if not isinstance(sys.exception(), KeyboardInterrupt):
            _give_cores_back(groups)


def _give_cores_back(before: Collection[str]) -> None:
    """Removes the placement groups of this job that were not there `before` a training.

    Ray Train's own cleaner asks Ray's dashboard whether its controller lives, and a private cluster has none:
    the next training of the session would wait for ever.
    """
    job = ray.get_runtime_context().get_job_id()
    for key, group in placement_group_table().items():
        if key not in before and key.endswith(job) and group["state"] != "REMOVED":
            remove_placement_group(PlacementGroup(PlacementGroupID.from_hex(key)))


def tell(item: object, saved: bool = False) -> None:
    """In a training worker: hand an item to the driver. `saved` says that a worker can go on from here."""
    if _trainer is not None:
        ray.get(_trainer.tell.remote(item, saved))


def worker_device() -> torch.device:
    """Where this training worker computes; the CPU in a process that is none."""
    return torch.device("cpu") if _trainer is None else ray.train.torch.get_device()


def is_first_worker() -> bool:
    """Whether this process is the one of its group that writes: one alone always is."""
    return not dist.is_initialized() or dist.get_rank() == 0


def from_first_worker(make: Callable[[], T]) -> T:
    """What `make` returns in the first worker, in all of them."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return make()
    held = [make() if is_first_worker() else None]
    dist.broadcast_object_list(held)
    return held[0]  # type: ignore[return-value]


def meet_workers() -> None:
    """Wait until every worker is here."""
    if dist.is_initialized():
        dist.barrier()


class _Trainer:
    """Ray Train at work, in an actor: in the driver it would take SIGINT over, and then exit with 0."""

    def __init__(self) -> None:
        self._told: list[object] = []
        self._mistake: DiffCXRError | None = None
        self._saved = False

    def fit(self, trainer: Any, work: bytes, workers: Workers) -> None:
        handed = {"trainer": trainer, "work": work, "workers": workers}
        resources = {"CPU": workers.threads} | ({"GPU": 1} if workers.gpu else {})
        while True:
            self._saved = False
            try:
                with tempfile.TemporaryDirectory(prefix="cxr-train-") as folder:
                    TorchTrainer(
                        _work,
                        train_loop_config=handed,
                        torch_config=TorchConfig(timeout_s=_MEETING_S),
                        scaling_config=ray.train.ScalingConfig(
                            num_workers=workers.count, use_gpu=workers.gpu, resources_per_worker=resources
                        ),
                        # What Ray Train keeps here is its own bookkeeping: checkpoints lie in the output.
                        run_config=ray.train.RunConfig(
                            name="train",
                            storage_path=folder,
                            failure_config=ray.train.FailureConfig(max_failures=_RETRIES),
                        ),
                    ).fit()
                return
            except TrainingFailedError as error:
                if self._saved:  # at times a death is told by those alone who lost their partner
                    continue
                if not _by_death(error):
                    raise
                what = f"training workers died {_RETRIES + 1} times without getting on"
                fix = "Look for what ended them (often memory), then run the same command again."
                raise IncompleteError(what, fix=fix) from error

    def give_up(self, mistake: DiffCXRError) -> None:
        self._mistake = mistake

    def tell(self, item: object, saved: bool) -> None:
        self._told.append(item)
        self._saved |= saved

    def heard(self, start: int) -> tuple[list[object], DiffCXRError | None]:
        return self._told[start:], self._mistake


def _work(handed: dict[str, Any]) -> None:
    """One worker. What a person has to mend is told to the driver: it is no reason to start again."""
    global _trainer
    _trainer = handed["trainer"]
    workers: Workers = handed["workers"]
    torch.set_num_threads(workers.threads)
    if workers.gpu:
        torch.cuda.set_device(worker_device())
    try:
        train, settings = ray.cloudpickle.loads(handed["work"])
        train(settings)
    except DiffCXRError as mistake:
        ray.get(_trainer.give_up.remote(mistake))
    except (torch.OutOfMemoryError, MemoryError):
        what = "training does not fit into memory"
        fix = "Choose a smaller batch_size or micro_batch of the stage, if it has one, or larger machines."
        ray.get(_trainer.give_up.remote(InputError(what, platform.node(), fix)))


def _by_death(error: TrainingFailedError) -> bool:
    """Whether workers died; the others' exchange of gradients fails with them, which is no bug."""
    failures = getattr(error, "worker_failures", {}).values()
    return any(isinstance(f, WorkerHealthCheckFailedError | WorkerHealthCheckTimeoutError) for f in failures)


def _nodes() -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node["Resources"] for node in nodes if node["Alive"]]
