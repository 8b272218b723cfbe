"""Poison: ten rows that no film can be made of, a pipeline that they harm, and what comes of it."""

from __future__ import annotations

import math
import os
import random
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from cluster.assignments import ATTEMPTS
from cluster.batches import KILLED_WORKER, NOT_FINITE, PIPELINE_RAISED
from cluster.dispatch import Lost, dispatch
from cluster.plan import plan_units
from cluster.pool import Pool, WorkerActor
from cluster.prompts import CONTROL_CHARACTERS, EMPTY_PROMPT, TOO_LARGE
from cluster.recipe import Ready, Recipe, Sampler, Task
from cluster.reports import count_reports
from cluster.shard import read_footer, read_shard, shard_path
from cluster.storage import Storage
from cluster.worker import Worker
from diffcxr.null_pipeline import NullPipeline
from tests.null_sampler import NULL_SAMPLER
from tests.reports_corpus import reports_corpus

RAISES, NOT_A_NUMBER, KILLS = "It raises.", "It is not a number.", "It kills."
POISON: Sequence[tuple[str, str]] = (
    ("___.", EMPTY_PROMPT),
    (" \n", EMPTY_PROMPT),
    ("lung " * 50_000, TOO_LARGE),
    ("effusion " * 50_000, TOO_LARGE),
    ("The heart is\0normal.", CONTROL_CHARACTERS),
    ("The \x1b[1mheart\x1b[0m is normal.", CONTROL_CHARACTERS),
    ("\x7fELF", CONTROL_CHARACTERS),
    (RAISES, PIPELINE_RAISED),
    (NOT_A_NUMBER, NOT_FINITE),
    (KILLS, KILLED_WORKER),
)
"""Texts, and the reasons for which they are to be rejected."""


class HarmedPipeline(NullPipeline):
    """One text makes it raise, one gives values that are not finite, and one ends the process."""

    def __call__(self, prompt: Any, **rest: Any) -> Any:
        if KILLS in prompt:
            os.kill(os.getpid(), signal.SIGKILL)
        if RAISES in prompt:
            raise RuntimeError(prompt[0])
        films = super().__call__(prompt, **rest).images
        films[[text == NOT_A_NUMBER for text in prompt], 3, 3] = np.nan
        return SimpleNamespace(images=films)


class HarmedActor(WorkerActor):
    """A worker with that pipeline."""

    def load(self, sampler: Sampler) -> Ready:
        self._worker = Worker(sampler, HarmedPipeline())
        return self._worker.warm_up()


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What became of the rows."""

    images: int
    rejects: Mapping[str, str]  # reasons by report
    expected: Mapping[str, str]
    unharmed: bool  # every other row is there, once, with the film that it has without poison about
    deaths: int  # of workers
    seconds: float


def most_deaths(unit: int) -> int:
    """Workers that one row may kill at most until it is alone: ATTEMPTS, a halving each, and two alone."""
    return ATTEMPTS + math.ceil(math.log2(unit)) + 2


def swallow(folder: Path, rows: int, unit: int, seed: int) -> Aftermath:
    """What becomes of `rows` reports, ten of them POISON at drawn places, in units of `unit`.

    They are made by one worker of the open session.
    """
    places = random.Random(seed).sample(range(rows), len(POISON))
    bad = dict(zip(places, POISON, strict=True))
    texts = {place: text for place, (text, _) in bad.items()}
    corpus = reports_corpus(folder / "reports", rows, shard_rows=max(4, rows // 4), texts=texts)
    recipe = Recipe(
        corpus=corpus.uri,
        corpus_digest=corpus.digest,
        output=str(folder / "out"),
        plan_hash="a-plan",
        prompt="{text}",
        seed=seed,
        image_format="png",
        model_digest="null",
    )
    plan = plan_units(count_reports(corpus, None), images_per_shard=unit)
    start = time.perf_counter()
    with closing(Pool(NULL_SAMPLER, smallest=1, largest=1, actor=HarmedActor)) as pool:
        answers = list(dispatch(pool, recipe, plan, range(len(plan))))
    seconds = time.perf_counter() - start
    output = Storage.at(recipe.output)
    footers = [read_footer(output, shard_path(number)) for number in range(len(plan))]
    made = _films(output, len(plan))
    healthy = Worker(NULL_SAMPLER, NullPipeline())
    well = Storage.at(folder / "well")
    for number in range(len(plan)):
        excluded = tuple(place - number * unit for place in places if place // unit == number)
        healthy.run(Task(replace(recipe, output=well.uri), plan.unit(number), excluded=excluded))
    healthy.close()
    return Aftermath(
        images=len(made),
        rejects={reject.report_id: reject.reason for footer in footers for reject in footer.rejects},
        expected={f"study-{place:03d}": reason for place, (_, reason) in bad.items()},
        unharmed=made == _films(well, len(plan)),
        deaths=sum(isinstance(answer, Lost) for answer in answers),
        seconds=seconds,
    )


def _films(output: Storage, units: int) -> list[tuple[str, bytes]]:
    tables = [read_shard(output, shard_path(unit), ["report_id", "image"]) for unit in range(units)]
    return [(row["report_id"], row["image"]["bytes"]) for table in tables for row in table.to_pylist()]
