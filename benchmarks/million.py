"""A million films of model=null through a thousand shards into an S3 server on this machine, and beside it
the same by Ray Data with its checkpoints: films/s, memory, and what a kill -9 of the driver leaves.

A film is a texture of 128 x 128 pixels from its sample's seed, as JPEG of quality 95, without a denoiser:
what is measured is all the rest. Both sides read the same reports from the bucket, draw and encode by the
same code and write Parquet into the same server, each with all cores, one after the other. Films/s leave
out the start of Ray, and on our side that of the first worker: seconds of minutes. Then each begins anew,
its driver is killed when half of the files are there, and the same command is given again.

The reports are a thousand drawn ones under as many ids as there are films. A million films take four times
6 GB below the temporary folder.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import pyarrow.parquet as pq

from benchmarks import ray_data
from benchmarks.processes import Watched
from benchmarks.reports import write_reports
from benchmarks.result import Bar, argument_parser, at_least, at_most, write_result
from cluster.corpus import Corpus
from cluster.plan import plan_units
from cluster.selection import select_all
from cluster.storage import Storage
from tests.s3_server import s3_server

IMAGES, QUICK_IMAGES = 1_000_000, 4_000
IMAGES_PER_SHARD, LEAST_SHARDS = 1000, 40
RATE, DRIVER_GIB, PLAN_SECONDS, RESUME_SECONDS = 4000.0, 1.0, 5.0, 10.0


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that do the work: its command, and where it says how long it took."""

    command: Callable[[str], list[str]]  # for an output
    seconds: Callable[[Storage], float]  # start of Ray apart


@dataclass(frozen=True, slots=True)
class Holds:
    """What an output holds."""

    rows: int
    distinct: int  # report ids among them

    @classmethod
    def of(cls, output: Storage) -> Holds:
        ids = [id for path in _files(output) for id in _report_ids(output, path)]
        return cls(len(ids), len(set(ids)))


@dataclass(frozen=True, slots=True)
class Undisturbed:
    images_per_second: float
    wall_seconds: float  # from the command's start to its end
    driver_gib: float
    family_gib: float  # driver, workers and Ray's own processes


@dataclass(frozen=True, slots=True)
class Killed:
    """A run whose driver was killed half-way, and what the same command made of it."""

    left: Holds
    ended: Holds
    wall_seconds: float  # of the second command
    written_again: int  # files of the first command that the second one wrote over or deleted


def main() -> None:
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--images", type=int, help=f"{IMAGES:,}; with --quick {QUICK_IMAGES:,}")
    arguments = parser.parse_args()
    images = arguments.images or (QUICK_IMAGES if arguments.quick else IMAGES)
    each = min(IMAGES_PER_SHARD, max(1, images // LEAST_SHARDS))
    with s3_server() as server:
        os.environ.update(server.environment())
        bucket = f"s3://{server.bucket}"
        corpus = write_reports(f"{bucket}/reports", images, each)
        planned = plan_seconds(corpus.uri, each)
        ours, theirs = generate_side(corpus, each), ray_data_side(corpus)
        made = {name: undisturbed(side, f"{bucket}/{name}", images) for name, side in _named(ours, theirs)}
        resumed = _run(ours, f"{bucket}/generate").seconds
        killed = {
            name: kill_half_way(side, f"{bucket}/{name}-killed", len(corpus.shards))
            for name, side in _named(ours, theirs)
        }
    bars = [
        at_most("films lost or twice after kill -9 and resume", wrong_films(killed["generate"], images), 0),
        at_most("committed shards made again by it", killed["generate"].written_again, 0),
    ]
    if not arguments.quick:
        bars = [*_speed_bars(made, planned, resumed), *bars]
    write_result(
        "million", bars, arguments.output, images=images, images_per_shard=each, plan_seconds=planned,
        resume_of_the_finished_seconds=resumed,
        undisturbed={name: asdict(value) for name, value in made.items()},
        killed_half_way={name: asdict(value) for name, value in killed.items()},
    )  # fmt: skip


def generate_side(corpus: Corpus, each: int) -> Side:
    def command(output: str) -> list[str]:
        choices = ["model=null", "image_format=jpeg", "steps=1", "guidance=1", f"images_per_shard={each}"]
        choices += [f"batch_size={ray_data.BATCH}"]
        return ["-m", "jobs.generate", f"corpus={corpus.uri}", f"output={output}", *choices]

    return Side(command, lambda output: float(json.loads(output.read("summary.json"))["seconds"]))


def ray_data_side(corpus: Corpus) -> Side:
    program = "import sys; from benchmarks.ray_data import run; run(*sys.argv[1:])"

    def command(output: str) -> list[str]:
        return ["-c", program, corpus.uri, output, str(len(corpus.shards))]

    return Side(command, lambda output: float(output.read(ray_data.SECONDS_PATH)))


def plan_seconds(uri: str, each: int) -> float:
    """How long it takes from the corpus's address to every unit of its plan."""
    start = time.perf_counter()
    plan = plan_units(select_all(Corpus.open(uri), None).reports, images_per_shard=each)
    for number in range(len(plan)):
        plan.unit(number)
    return time.perf_counter() - start


def undisturbed(side: Side, uri: str, images: int) -> Undisturbed:
    ran = _run(side, uri)
    rate = images / side.seconds(Storage.at(uri))
    return Undisturbed(rate, ran.seconds, ran.peak_driver / 2**30, ran.peak_family / 2**30)


def kill_half_way(side: Side, uri: str, files: int) -> Killed:
    output = Storage.at(uri)
    first = Watched(side.command(uri))
    first.watch(until=lambda: len(_files(output)) >= files // 2)
    first.kill()
    before, left = _files(output), Holds.of(output)
    if len(before) == files:
        raise RuntimeError("the run had ended before its driver could be killed: take more images")
    wall = _run(side, uri).seconds
    after = _files(output)
    again = sum(after.get(path) != modified for path, modified in before.items())
    return Killed(left, Holds.of(output), wall, again)


def wrong_films(killed: Killed, images: int) -> int:
    """Films that are not there, and those that are there once more than they should."""
    return images - killed.ended.distinct + killed.ended.rows - killed.ended.distinct


def _run(side: Side, uri: str) -> Watched:
    command = Watched(side.command(uri))
    command.watch()
    return command


def _speed_bars(made: dict[str, Undisturbed], planned: float, resumed: float) -> list[Bar]:
    ours, theirs = made["generate"], made["ray_data"]
    return [
        at_least("films/s", ours.images_per_second, RATE),
        at_least("films/s over Ray Data's", ours.images_per_second / theirs.images_per_second, 1.0),
        at_most("GiB of the driver", ours.driver_gib, DRIVER_GIB),
        at_most("seconds to plan", planned, PLAN_SECONDS),
        at_most("seconds to resume the finished run", resumed, RESUME_SECONDS),
    ]


def _named(ours: Side, theirs: Side) -> Sequence[tuple[str, Side]]:
    return ("generate", ours), ("ray_data", theirs)


def _files(output: Storage) -> dict[str, object]:
    found = output.list("shards")  # with pyarrow's own marks of folders
    return {stored.path: stored.modified for stored in found if stored.path.endswith(".parquet")}


def _report_ids(output: Storage, path: str) -> list[str]:
    with output.open(path) as file:
        ids: list[str] = pq.read_table(file, columns=["report_id"]).column(0).to_pylist()
    return ids


if __name__ == "__main__":
    main()
