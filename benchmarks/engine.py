"""What the engine costs: images/s of `generate` with one worker over a bare loop of the same pipeline; and
the share of its time that it denoises where a batch takes 200 ms.

Both denoise the prompts of one phantom corpus in batches of one size, on one thread, start-up apart; they
take turns in one run, so that a busy machine slows both. The bare loop keeps nothing; `generate` reads its
reports, encodes, checks and commits shards through Ray. The pipeline of the second measure waits as one whose
batches are a GPU's work does, with the cores free, and is handed its work by `generate`'s own production.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from benchmarks.engine_run import engine_run
from benchmarks.reports import write_reports
from benchmarks.result import argument_parser, at_least, write_result
from cluster.batches import BatchRunner, Slot
from cluster.corpus import Corpus
from cluster.models import NULL, fetch_model, is_diffcxr, load_pipeline
from cluster.pool import WorkerActor
from cluster.recipe import Ready, Sampler
from cluster.session import connect
from cluster.usage import Usage, UsageLog
from cluster.worker import Worker
from diffcxr.null_pipeline import NullImages, NullPipeline
from diffcxr.pipeline import own_hint
from diffcxr.precision import fastest_dtype
from diffcxr.seeds import sample_seed
from jobs import generate
from jobs.generation_summary import Tally
from jobs.production import Production

BAR, OVERLAP = 0.95, 0.97
STEPS, GUIDANCE, BATCH = 20, 2.0, 16
BATCH_SECONDS, BATCHES = 0.2, 512


class WaitingPipeline(NullPipeline):
    """Its batches take BATCH_SECONDS, and no core."""

    def __call__(self, *arguments: Any, **options: Any) -> NullImages:
        end = time.perf_counter() + BATCH_SECONDS
        films = super().__call__(*arguments, **options)
        time.sleep(max(0.0, end - time.perf_counter()))
        return films


class WaitingActor(WorkerActor):
    def load(self, sampler: Sampler) -> Ready:
        self._worker = Worker(sampler, WaitingPipeline())
        return self._worker.warm_up()


def main() -> None:
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--model", default="mini", help="as in `generate`")
    arguments = parser.parse_args()
    images, rounds = (96, 3) if arguments.quick else (256, 3)
    with tempfile.TemporaryDirectory() as folder, connect():
        reports = write_reports(f"{folder}/reports", images, images)
        bare, engine, denoising = [], [], []
        for number in range(rounds):
            bare.append(_bare(_batches(arguments.model), reports, images))
            summary = generate.run(_config(reports, Path(folder) / str(number), arguments.model)).values
            engine.append(float(summary["images_per_second"]))
            denoising.append(summary["seconds_denoising"] / summary["seconds"])
        waiting = run_waiting(reports, Path(folder) / "waiting", BATCHES)
    ratios = [e / b for e, b in zip(engine, bare, strict=True)]
    bars = [
        at_least("images/s of generate over a bare loop", statistics.median(ratios), BAR),
        at_least(
            "share of wall time denoising, 200 ms a batch",
            waiting.seconds_denoising / waiting.seconds,
            OVERLAP,
        ),
    ]
    explains = {
        "model": arguments.model,
        "images": images,
        "batch_size": BATCH,
        "steps": STEPS,
        "bare_images_per_second": bare,
        "generate_images_per_second": engine,
        "ratios": ratios,
        "share_of_wall_time_denoising": denoising,
        "waiting_batches": BATCHES,
        "waiting_seconds": waiting.seconds,
    }
    write_result("engine", bars, arguments.output, gpu=torch.cuda.is_available(), **explains)


def run_waiting(reports: Corpus, output: Path, batches: int) -> Tally:
    """What a run of so many batches of WaitingPipeline took, from its first unit to its last commit."""
    each = batches * BATCH // reports.rows
    with engine_run(reports, output, WaitingActor, batch_size=BATCH, samples_per_report=each) as run:
        production = Production(
            record=run.record,
            corpus=run.corpus,
            output=run.output,
            plan=run.plan,
            budget=None,
            resumed=False,
            progress=True,
        )
        tally = Tally()
        production.run(run.pool, tally, UsageLog(run.output, Usage(device="cpu", threads=1)))
    return tally


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _batches(model: str) -> BatchRunner:
    folder = NULL if model == NULL else fetch_model(model)
    fits = not isinstance(folder, str) and (_device() == "cuda" or is_diffcxr(folder))
    pipeline = load_pipeline(folder, _device(), fastest_dtype(_device()) if fits else torch.float32)
    return BatchRunner(pipeline, STEPS, GUIDANCE, BATCH)


def _bare(batches: BatchRunner, reports: Corpus, images: int) -> float:
    """Images/s of calling a fresh pipeline, which has read no report yet, and nothing else."""
    rows = reports.read(0, ["report_id", "text"]).to_pylist()[:images]
    slots = [Slot(row["text"], sample_seed(0, row["report_id"], 0)) for row in rows]
    batches.call([])  # warm
    own_hint.cache_clear()

    def denoise() -> float:
        start = time.perf_counter()
        for first in range(0, len(slots), BATCH):
            batches.call(slots[first : first + BATCH])
        return len(slots) / (time.perf_counter() - start)

    # In a thread, as a worker does: PyTorch is a tenth slower in the main one (measured on two cores).
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as thread:
        return thread.submit(denoise).result()


def _config(reports: Corpus, output: Path, model: str) -> generate.Config:
    return generate.Config(
        corpus=reports.uri,
        output=str(output),
        model=model,
        steps=STEPS,
        guidance=GUIDANCE,
        batch_size=BATCH,
        workers=generate.WorkersConfig(max=1),
    )


if __name__ == "__main__":
    main()
