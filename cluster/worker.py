"""A generation worker: holds a pipeline, turns units into shards, commits each by one conditional create."""

from __future__ import annotations

import json
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

import pyarrow as pa
import torch

from cluster.batches import KILLED_WORKER, NOT_ENCODED, BatchRunner, Film
from cluster.codec import Provenance, encode_image
from cluster.compilation import compile_denoiser, first_to_compile, is_of_compilation
from cluster.models import NULL, Pipeline, fetch_model, load_pipeline, model_digest
from cluster.patience import OUTAGE_SECONDS
from cluster.recipe import Ready, Receipt, Recipe, Sampler, Task
from cluster.reports import ReportReader
from cluster.samples import Sample, samples_of
from cluster.schema import ROW_SCHEMA
from cluster.shard import STACK_KEY, Footer, commit_shard, encode_shard, read_footer, shard_path
from cluster.stack import describe_stack
from cluster.storage import Storage
from cluster.storage_errors import UnavailableError
from diffcxr.errors import InputError, RefusedError
from diffcxr.sources.row import Reject

T = TypeVar("T")

_BETWEEN_ASKS = 2.0  # seconds
_WARM_UP_STEPS = 2
_PLACES = "rejected_offsets"
_NO_MEMORY = (torch.OutOfMemoryError, MemoryError)
_BATCHES_ENCODING = 2  # then the denoiser waits: films must not pile up in memory


class Worker:
    """Makes units. `run` may be called from several threads: they take turns in the one that denoises, so
    that one unit's reading, encoding and upload go on while another one denoises."""

    def __init__(self, sampler: Sampler, pipeline: Pipeline) -> None:
        self._stack = describe_stack(sampler.device)
        self._batches = BatchRunner(pipeline, sampler.steps, sampler.guidance, sampler.batch_size)
        self._sampler = sampler
        # PyTorch's number of threads is a setting of the calling thread.
        self._denoiser = ThreadPoolExecutor(1, "denoise", torch.set_num_threads, (sampler.threads,))
        self._encoder = ThreadPoolExecutor(1, "encode")

    @classmethod
    def load(cls, sampler: Sampler) -> Worker:
        """A worker of the sampler's model, for which it waits where the store is away.

        Raises InputError where this node's copy is another one, or it does not fit into memory.
        """
        if sampler.model == NULL:
            return cls(sampler, load_pipeline(NULL, sampler.device, torch.float32))
        folder = _patiently(lambda: fetch_model(sampler.model))
        if model_digest(folder) != sampler.model_digest:
            fix = "Give every node the same model, for example by a URI."
            raise InputError("this node's model is not the run's", f"{platform.node()}:{folder}", fix)
        try:
            pipeline = load_pipeline(folder, sampler.device, getattr(torch, sampler.dtype))
            if sampler.compile:
                compile_denoiser(pipeline)
            return cls(sampler, pipeline)
        except _NO_MEMORY as error:
            fix = "Choose machines with more memory, or dtype=bfloat16."
            raise InputError(
                f"the model does not fit into this {sampler.device}", str(folder), fix
            ) from error

    def warm_up(self) -> Ready:
        """Runs a short batch of pad rows: what is wrong with a pipeline shows here and not in every row. A
        denoiser that is to be compiled is compiled by it.

        Raises InputError where the pipeline does not take the call or does not make films, or where a batch
        does not fit into memory, and FloatingPointError where its films are not finite.
        """
        steps = min(self._sampler.steps, _WARM_UP_STEPS)
        try:
            with first_to_compile() if self._sampler.compile else nullcontext():
                shape = self._denoiser.submit(self._pad_batch, steps).result()
        except _NO_MEMORY as error:
            what = f"a batch does not fit into the memory of this {self._sampler.device}"
            fix = "Choose a smaller one, and a new output where this one was begun with it."
            raise InputError(what, f"batch_size={self._sampler.batch_size}", fix) from error
        except (TypeError, ValueError, AttributeError) as error:
            what = f"model is no text-to-image pipeline that can be called ({type(error).__name__})"
            raise InputError(what, self._sampler.model, "See docs/architecture.md for the call.") from error
        except RuntimeError as error:
            if not is_of_compilation(error):
                raise
            what = f"the denoiser cannot be compiled here ({type(error).__name__})"
            fix = "Install a C++ compiler, or leave compile=true out."
            raise InputError(what, platform.node(), fix) from error
        return Ready(pid=os.getpid(), film_shape=shape, stack=self._stack)

    def measure(self) -> float:
        """Seconds that a batch takes."""
        start = time.perf_counter()
        self._denoiser.submit(self._pad_batch, self._sampler.steps).result()
        return time.perf_counter() - start

    def run(self, task: Task) -> Receipt:
        """Makes and commits a unit, or probes a part of it; a unit that is committed already costs a look.

        Raises RefusedError where its place is taken by another run's shard, InputError where the corpus is
        damaged, and whatever the device raises.
        """
        start = time.perf_counter()
        recipe, unit = task.recipe, task.unit
        output = _storage(recipe.output)
        path = shard_path(unit.number)
        if task.probe is None and output.exists(path):
            if read_footer(output, path).plan_hash != recipe.plan_hash:
                where = output.child(path).uri
                raise RefusedError("the output holds a shard of another run", where, "Choose a new output.")
            return Receipt(unit=unit.number, seconds=time.perf_counter() - start)

        reports = _reader(recipe.corpus, recipe.corpus_digest).read(unit.spans)
        samples = list(samples_of(task, reports))
        encoding, denoising = self._denoiser.submit(self._denoise, recipe, samples).result()
        outcomes = [outcome for batch in encoding for outcome in batch.result()]
        if task.probe is not None:
            return Receipt(unit=unit.number, seconds_denoising=denoising, seconds=time.perf_counter() - start)

        rejects = [
            Reject(report_id=sample.report_id, sample_index=sample.sample_index, reason=outcome)
            for sample, outcome in zip(samples, outcomes, strict=True)
            if isinstance(outcome, str)
        ]
        made = [(s, o) for s, o in zip(samples, outcomes, strict=True) if isinstance(o, bytes)]
        places = [offset for offset, outcome in enumerate(outcomes) if isinstance(outcome, str)]
        metadata = {"synthetic": "true", "model": recipe.model_digest, _PLACES: json.dumps(places)}
        metadata[STACK_KEY] = json.dumps(self._stack, sort_keys=True)
        data = encode_shard(_rows(reports, made), recipe.plan_hash, unit.number, rejects, metadata)
        committed = _commit(output, unit.number, data)
        return Receipt(
            unit=unit.number,
            rows=len(made),
            rejects=Counter(reject.reason for reject in rejects),
            bytes=len(data),
            committed=committed,
            seconds_denoising=denoising,
            seconds=time.perf_counter() - start,
        )

    def close(self) -> None:
        """Ends the threads."""
        self._denoiser.shutdown()
        self._encoder.shutdown()

    def _pad_batch(self, steps: int) -> tuple[int, ...]:
        films = replace(self._batches, steps=steps).try_pad()
        return tuple(int(side) for side in films.shape[1:])

    def _denoise(
        self, recipe: Recipe, samples: Sequence[Sample]
    ) -> tuple[list[Future[list[bytes | str]]], float]:
        """The outcomes of each batch, which are being encoded; and the seconds spent denoising."""
        encoding: list[Future[list[bytes | str]]] = []
        seconds = 0.0
        size = self._sampler.batch_size
        for first in range(0, len(samples), size):
            batch = samples[first : first + size]
            start = time.perf_counter()
            films = self._batches.run([sample.slot for sample in batch])
            seconds += time.perf_counter() - start
            # A batch at a time: to hand over a small film by itself takes as long as to encode it, 0.1 ms.
            encoding.append(self._encoder.submit(_encode, recipe, batch, films))
            if len(encoding) > _BATCHES_ENCODING:
                encoding[-1 - _BATCHES_ENCODING].result()
        return encoding, seconds


def rejected_offsets(footer: Footer) -> list[int]:
    """The places in their unit of a shard's rejects, in the order of its rejects: slots are made of them."""
    return [int(offset) for offset in json.loads(footer.metadata.get(_PLACES, "[]"))]


def _encode(
    recipe: Recipe, samples: Sequence[Sample], films: Sequence[Film | str | None]
) -> list[bytes | str]:
    """Per sample its image, or why there is none."""
    outcomes: list[bytes | str] = []
    for sample, film in zip(samples, films, strict=True):
        if film is None or isinstance(film, str):
            outcomes.append(film or sample.reason or KILLED_WORKER)
        else:
            origin = Provenance(model=recipe.model_digest, run=recipe.plan_hash, seed=sample.seed)
            try:
                outcomes.append(encode_image(film, recipe.image_format, origin))
            except MemoryError:
                raise
            except Exception:  # noqa: BLE001  # of what shape or size a pipeline's films are is nobody's promise
                outcomes.append(NOT_ENCODED)
    return outcomes


def _commit(output: Storage, unit: int, data: bytes) -> bool:
    """`commit_shard`, however long it takes: the films are made, and others are denoised meanwhile."""
    return _patiently(lambda: commit_shard(output, unit, data))


def _patiently(ask: Callable[[], T]) -> T:
    """What the store answers; asked again while it is away, for OUTAGE_SECONDS."""
    end = time.monotonic() + OUTAGE_SECONDS
    while True:
        try:
            return ask()
        except UnavailableError:
            if time.monotonic() > end:
                raise
            time.sleep(_BETWEEN_ASKS)


def _rows(reports: pa.Table, made: list[tuple[Sample, bytes]]) -> pa.Table:
    """Rows of ROW_SCHEMA: the report's columns, the prompt, the film and its seed."""
    rows = reports.take(pa.array([sample.report for sample, _ in made], pa.int64()))
    changed = {
        "sample_index": [sample.sample_index for sample, _ in made],
        "text": [sample.prompt for sample, _ in made],
        "image": [{"bytes": film, "path": None} for _, film in made],
        "seed": [sample.seed for sample, _ in made],
        "truth": [None] * len(made),
    }
    columns = [
        pa.array(changed[field.name], field.type) if field.name in changed else rows.column(field.name)
        for field in ROW_SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=ROW_SCHEMA)


@lru_cache(maxsize=1)
def _storage(uri: str) -> Storage:
    return Storage.at(uri)


@lru_cache(maxsize=1)
def _reader(uri: str, digest: str) -> ReportReader:
    return ReportReader(uri, digest)
