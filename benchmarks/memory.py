"""Whether a worker's memory grows with its work: resident memory after 1,000 units over that after 50.

One worker of model=null makes small units onto a disk, so that what a unit leaves behind shows.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.engine_run import engine_run
from benchmarks.processes import resident
from benchmarks.reports import write_reports
from benchmarks.result import argument_parser, at_most, write_result
from cluster.corpus import Corpus
from cluster.dispatch import Lost, dispatch
from cluster.generation import recipe_of
from cluster.session import connect

BAR = 1.05
EARLY, LATE, QUICK_LATE = 50, 1000, 200
IMAGES = 64  # a unit
REPORTS = 4000


def main() -> None:
    arguments = argument_parser(__doc__ or "").parse_args()
    late, images = (QUICK_LATE, 16) if arguments.quick else (LATE, IMAGES)
    with tempfile.TemporaryDirectory() as folder, connect():
        corpus = write_reports(f"{folder}/reports", min(REPORTS, late * images), 1000)
        sizes = grow(corpus, Path(folder) / "out", late, images)
    ratio = sizes[late] / sizes[EARLY]
    bars = [at_most(f"memory of a worker after {late:,} units over that after {EARLY}", ratio, BAR)]
    mebibytes = {str(units): size / 2**20 for units, size in sizes.items()}
    write_result("memory", bars, arguments.output, images_per_unit=images, mebibytes_after_units=mebibytes)


def grow(corpus: Corpus, output: Path, units: int, images: int) -> dict[int, int]:
    """Resident bytes of a run's one worker, by the number of units that it has made, every EARLY units."""
    each = -(-units * images // corpus.rows)
    sizes = {}
    with engine_run(corpus, output, images_per_shard=images, samples_per_report=each) as run:
        recipe = recipe_of(run.record, run.corpus, run.output)
        made = 0
        for answer in dispatch(run.pool, recipe, run.plan, range(units)):
            if isinstance(answer, Lost):
                raise RuntimeError(f"the worker was lost: {answer.error}")
            made += answer is not None
            if answer is not None and made % EARLY == 0:
                sizes[made] = resident(run.ready.pid)
    return sizes


if __name__ == "__main__":
    main()
