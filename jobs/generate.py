"""`diffcxr generate`: a corpus of reports becomes a corpus of images, each sample of it exactly once."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass, fields
from typing import Any, cast

from cluster.corpus import MANIFEST_PATH, Corpus, refuse_foreign_views
from cluster.generation import (
    Choices,
    finish_generation,
    resolve_plan,
    resolve_sampler,
    run_record,
)
from cluster.models import NULL, absolute_model, fetch_model, is_diffcxr, model_digest
from cluster.pool import Pool
from cluster.prompts import PromptTemplate
from cluster.recipe import Device, Ready
from cluster.run_record import RunRecord, create_or_find, differing_fields, read_record
from cluster.selection import (
    Selected,
    differing_pixels,
    refuse_other_seed,
    select_all,
    select_new,
    select_rejected,
)
from cluster.session import connect, is_private, resources
from cluster.stack import differing
from cluster.storage import Storage
from cluster.storage_errors import on_the_way
from cluster.usage import Budget, Usage, UsageLog, read_usage
from diffcxr.errors import InputError, RefusedError
from jobs.command import main
from jobs.event_lines import event_lines
from jobs.generation_summary import Tally, dry_run_summary, run_summary
from jobs.options import nested, option, required
from jobs.production import Production, budget_is_spent, missing_units, samples_in
from jobs.summary import Summary


@dataclass(kw_only=True)
class WorkersConfig:
    """How many work at once; the images do not depend on it."""

    min: int = option(1, help="workers that are kept to the end", min=1, max=100_000)
    max: int | None = option(
        None,
        help="workers at most; null: one a GPU, or one a core, of those there are now",
        min=1,
        max=100_000,
    )
    threads: int = option(
        1, help="threads of a worker without a GPU; part of what decides pixels", min=1, max=256
    )


@dataclass(kw_only=True)
class Config:
    corpus: str = required(help="URI or path of the corpus whose reports are the prompts")
    output: str = required(help="URI or path of the corpus to make")
    model: str = option(
        "mini", help="mini, null, or a folder or URI of a DiffCXRPipeline or diffusers pipeline"
    )
    samples_per_report: int = option(1, help="images a report", min=1, max=1_000_000)
    seed: int = option(0, help="the run's seed, of which each sample has its own", min=0, max=2**63 - 1)
    steps: int = option(20, help="calls of the denoiser an image", min=1, max=1000)
    guidance: float = option(2.0, help="guidance scale; 1 is without guidance", min=0, max=100)
    batch_size: int | str = option(
        "auto", help="images at once in a worker", min=1, max=4096, choices=("auto",)
    )
    images_per_shard: int | str = option(
        "auto",
        help="images a unit of work; auto: 1,000, fewer in a small run",
        min=1,
        max=1_000_000,
        choices=("auto",),
    )
    limit: int | None = option(None, help="the first so many reports; null: all", min=1)
    exclude: str | None = option(
        None, help="a corpus whose reports are left out: makes what it does not hold"
    )
    rejected: str = option(
        "keep", help="retry: makes the samples that `parent` has rejected", choices=("keep", "retry")
    )
    parent: str | None = option(None, help="the generated corpus whose rejects are tried again")
    prompt: str = option("{text}", help="template over the columns of a report")
    compile: bool = option(False, help="compile the denoiser: a minute a machine, then fewer seconds a batch")
    image_format: str = option("png", help="how images are kept", choices=("png", "jpeg"))
    dtype: str = option("auto", help="arithmetic", choices=("auto", "float32", "bfloat16", "float16"))
    device: str = option("auto", help="where workers denoise", choices=("auto", "cpu", "cuda"))
    max_rejected: float = option(0.01, help="share of rejects above which the exit code is 3", min=0, max=1)
    dry_run: bool = option(False, help="measure one batch, print plan, time and cost, write nothing")
    price_per_hour: float | None = option(
        None, help="of a GPU, or of a core where workers have none, in any currency", min=0
    )
    max_cost: float | None = option(
        None, help="stop, with exit 3, before the run costs more, all calls of it together", min=0
    )
    log: str = option("text", help="json: events, one a line, in place of progress", choices=("text", "json"))
    address: str | None = option(None, help="a Ray cluster's; null: RAY_ADDRESS, else a private one here")
    workers: WorkersConfig = nested(WorkersConfig)


def run(config: Config) -> Summary:
    """Makes what the output lacks; exit 3 where more than `max_rejected` of the samples were rejected."""
    choices = _choices(config)
    corpus = Corpus.open(config.corpus)
    output = Storage.at(config.output)
    there = _record_there(output, corpus)
    digest, diffcxr = _model(choices.model)
    parent = None if config.parent is None else Corpus.open(config.parent)
    selected = _selected(config, corpus, parent)

    if there is not None:
        # Whatever differs is known before Ray starts, and a finished run needs no Ray at all.
        shape = cast("list[int]", there.pixels.get("film_shape", [1]))
        sampler = resolve_sampler(choices, digest, "cpu", diffcxr, there)
        plan = resolve_plan(choices, selected, sampler.batch_size, shape)
        _refuse_difference(
            output, there, run_record(choices, corpus, selected, sampler, plan, shape, there.stack)
        )
        if output.exists(MANIFEST_PATH) and not config.dry_run:
            tally = Tally(notes=_parent_notes(parent, there))
            return _finished(Corpus.open(output), there, tally, config)
    output.check_writable()
    budget = _budget(config, output)
    if budget is not None and budget.spent(0) >= budget.max_cost and not config.dry_run:
        raise budget_is_spent(budget, 0, output)

    with event_lines(as_json=config.log == "json"), connect(config.address):
        device = _device(config)
        sampler = resolve_sampler(choices, digest, device, diffcxr, there)
        with closing(Pool(sampler, config.workers.min, _largest(config, device))) as pool:
            with on_the_way():
                ready = pool.first()
            plan = resolve_plan(choices, selected, sampler.batch_size, ready.film_shape)
            record = run_record(choices, corpus, selected, sampler, plan, ready.film_shape, ready.stack)
            if config.dry_run:
                with on_the_way():
                    seconds = pool.measure()
                missing = missing_units(output, plan)
                left, workers = samples_in(plan, missing), min(_largest(config, device), len(missing))
                return dry_run_summary(sampler, plan, left, seconds, workers, config.price_per_hour)
            with on_the_way():
                record, found = create_or_find(output, record)
            tally = Tally(notes=_parent_notes(parent, record) + _stack_notes(record, ready))
            usage = Usage(device=device, threads=sampler.threads, price_per_hour=config.price_per_hour)
            log = UsageLog(output, usage)
            production = Production(
                record=record,
                corpus=corpus,
                output=output,
                plan=plan,
                budget=budget,
                resumed=found,
                progress=config.log == "text",
            )
            with on_the_way():
                production.run(pool, tally, log)
            if pool.differing:
                tally.notes.append(f"workers were not of one stack ({', '.join(sorted(pool.differing))})")
    with on_the_way():
        made = finish_generation(output, record, corpus)
    return _finished(made, record, tally, config)


def _finished(made: Corpus, record: RunRecord, tally: Tally, config: Config) -> Summary:
    """The summary of a finished run; its usage is a view, and one that cannot be read spoils nothing."""
    usages: list[Usage] = []
    try:
        usages = read_usage(made.storage)
    except InputError as error:
        tally.notes.append(f"what the run has used cannot be told ({error.what})")
    return run_summary(made, record, tally, usages, config.max_rejected)


def _choices(config: Config) -> Choices:
    PromptTemplate(config.prompt)
    if config.workers.max is not None and config.workers.max < config.workers.min:
        raise InputError("workers.max is below workers.min", "workers", "Swap them.")
    same = [name.name for name in fields(Choices) if name.name not in ("model", "threads")]
    values: dict[str, Any] = {name: getattr(config, name) for name in same}
    return Choices(model=absolute_model(config.model), threads=config.workers.threads, **values)


def _selected(config: Config, corpus: Corpus, parent: Corpus | None) -> Selected:
    each, limit = config.samples_per_report, config.limit
    if (parent is not None) != (config.rejected == "retry"):
        raise InputError("rejected=retry and parent=URI go together", "parent", "Give both, or neither.")
    if parent is None and config.exclude is None:
        return select_all(corpus, limit)
    if parent is None:
        return select_new(corpus, Corpus.open(str(config.exclude)), each, limit)
    if config.exclude is not None:
        raise InputError("a run cannot both exclude and retry", "exclude", "Give one of them.")
    selected = select_rejected(corpus, parent, each, limit)
    refuse_other_seed(parent, config.seed)
    return selected


def _budget(config: Config, output: Storage) -> Budget | None:
    if config.max_cost is None:
        return None
    if config.price_per_hour is None:
        raise InputError("max_cost needs a price", "price_per_hour", "Say what a GPU or core costs an hour.")
    before = sum(usage.hours for usage in read_usage(output))
    return Budget(config.max_cost, config.price_per_hour, before)


def _model(model: str) -> tuple[str, bool]:
    """(digest, whether it is a DiffCXRPipeline). Raises InputError where it cannot be used."""
    if model == NULL:
        return NULL, False
    folder = fetch_model(model)
    return model_digest(folder), is_diffcxr(folder)


def _record_there(output: Storage, corpus: Corpus) -> RunRecord | None:
    if output.uri == corpus.uri:
        raise InputError("output and corpus are one place", output.uri, "Choose a new output.")
    there = read_record(output)
    if there is None and output.exists(MANIFEST_PATH):
        raise RefusedError("the output holds a corpus", output.uri, "Choose a new output.")
    refuse_foreign_views(output)
    return there


def _refuse_difference(output: Storage, there: RunRecord, here: RunRecord) -> None:
    differences = differing_fields(there, here)
    if differences:
        what = f"the output holds another run ({'; '.join(differences)})"
        raise RefusedError(what, output.uri, "Choose a new output, or the settings of the run that is there.")


def _device(config: Config) -> Device:
    """Where workers denoise. Raises InputError where nothing there now can tell, and the options do not."""
    there = resources()
    auto: Device = "cuda" if there.gpus or not there.cpus else "cpu"
    device = auto if config.device == "auto" else cast(Device, config.device)
    if there.gpus if device == "cuda" else there.cpus:
        return device
    if is_private(config.address):
        raise InputError("no GPU here", "device=cuda", "Choose device=cpu, or give the address of a cluster.")
    if config.device == "auto" or config.workers.max is None:
        # The run's record would hold for good what was right for a cluster that has yet to grow.
        fix = f"Say what comes with work, and how many at most: device={device} workers.max=N."
        raise InputError("the cluster has no machine for workers now", f"device={config.device}", fix)
    return device


def _largest(config: Config, device: Device) -> int:
    if config.workers.max is not None:
        return config.workers.max
    count = resources().gpus if device == "cuda" else resources().cpus // config.workers.threads
    return max(config.workers.min, count)


def _parent_notes(parent: Corpus | None, record: RunRecord) -> list[str]:
    """What a retry changes may be why it succeeds (a prompt), or may have been forgotten (a model)."""
    names = [] if parent is None else differing_pixels(parent, record)
    return [f"rejects are made otherwise than the parent was ({'; '.join(names)})"] if names else []


def _stack_notes(record: RunRecord, ready: Ready) -> list[str]:
    """Resumed elsewhere, a film may differ in its last bits from what the first machine would have made."""
    names = differing(record.stack, ready.stack)
    return [f"this stack is not the one that the run began on ({', '.join(names)})"] if names else []


if __name__ == "__main__":
    sys.exit(main(["generate", *sys.argv[1:]]))
