"""What a run survives: twenty seeds of kills, frozen processes and storage faults; poison; coming machines.

Every seed is a run of 2,000 images in 100 units on a Ray cluster of two machines and a head, before a real
S3 server behind a proxy that fails by the seed: `model=null`, and four steps of `mini` for the last seed. At
drawn points workers, raylets and drivers are killed or frozen (`tests/chaos/blows.py`); the driver's command
is repeated until it says that it is done. DIFFCXR_CHAOS_SEED is the first seed; without it one is drawn, and
kept in the result.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray.cloudpickle

import tests
from benchmarks.result import Bar, argument_parser, at_least, at_most, write_result
from cluster.member import QUEUE
from cluster.session import connect
from cluster.shard import shard_path
from tests.chaos.arena import UNITS, Outcome, arena
from tests.chaos.chaos_seed import chaos_seed
from tests.chaos.elasticity import Growth, grow
from tests.chaos.poison import POISON, Aftermath, most_deaths, swallow
from tests.chaos.rivals import Rivalry, rival
from tests.s3_server import s3_server

KILLS, FAULTS, SECONDS = 5, 0.03, 10.0
FROZEN = 180.0  # seconds
WHOLE = {shard_path(unit): 1 for unit in range(UNITS)}


def main() -> None:
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--seeds", type=int, help="how many, all with model=null, for a replay")
    arguments = parser.parse_args()
    first, quick = chaos_seed(), arguments.quick
    seeds = range(first, first + (arguments.seeds or (2 if quick else 20)))
    mini = None if quick or arguments.seeds else seeds[-1]
    ray.cloudpickle.register_pickle_by_value(tests)  # workers know no package of ours but the installed ones
    rows, unit = (1000, 10) if quick else (10_000, 1000)
    with tempfile.TemporaryDirectory() as folder, connect(num_cpus=2):
        aftermath = swallow(Path(folder), rows, unit, first)
    outcomes = []
    with s3_server() as s3, arena(s3, 400 if quick else 2000) as here:
        for seed in seeds:
            outcome = here.face(seed, "mini" if seed == mini else "null")
            outcomes.append(outcome)
            end = "whole" if _is_whole(outcome) else f"not whole, equal: {outcome.equal} {outcome.failure}"
            sys.stdout.write(f"{outcome.log}\n{end}, {outcome.seconds:.0f} s\n")
            sys.stdout.flush()
        grown, rivalry = grow(here), rival(here, 0.0 if quick else FROZEN)
    bars = [
        *_bars(outcomes),
        *_bars_of_poison(aftermath, rows, unit),
        *_bars_of_elasticity(grown),
        *_bars_of_rivals(rivalry),
    ]
    explains = {
        "seeds": list(map(_seed, outcomes)),
        "hits": _hits(outcomes),
        "poison": {
            "rows": rows,
            "seconds": aftermath.seconds,
            "rejects": Counter(aftermath.rejects.values()),
        },
        "rivals": {"frozen": rivalry.frozen, "raced": rivalry.ledger.raced},
        "elasticity": {"seconds": grown.seconds, "units": grown.units, "raced": grown.ledger.raced},
    }
    write_result("chaos", bars, arguments.output, **explains)


def _is_whole(outcome: Outcome) -> bool:
    return not outcome.failure and outcome.equal and outcome.ledger.granted == WHOLE


def _bars(outcomes: Sequence[Outcome]) -> list[Bar]:
    missed = sum(len(outcome.drawn) - len(outcome.hits) for outcome in outcomes)
    faults = min(outcome.share_of_faults for outcome in outcomes)
    lost = max(max(outcome.ledger.lost.values(), default=0) for outcome in outcomes)
    return [
        at_least(
            "seeds with every sample once and equal bytes", sum(map(_is_whole, outcomes)), len(outcomes)
        ),
        at_least("kills, of the seed with the fewest", min(outcome.kills for outcome in outcomes), KILLS),
        at_least("storage faults, least share of a seed's requests", faults, FAULTS),
        at_most("drawn blows that did not fall", missed, 0),
        at_most("committed units made again", sum(outcome.ledger.redone for outcome in outcomes), 0),
        at_most("units that one killed worker lost, at most", lost, QUEUE),
    ]


def _bars_of_poison(aftermath: Aftermath, rows: int, unit: int) -> list[Bar]:
    wrong = len(aftermath.expected.items() ^ aftermath.rejects.items())
    return [
        at_least(f"poison: images of {rows:,} rows", aftermath.images, rows - len(POISON)),
        at_most("poison: rejects that are wrong or missing", wrong, 0),
        at_least("poison: all other films as without it", int(aftermath.unharmed), 1),
        at_most("poison: workers that one row killed", aftermath.deaths, most_deaths(unit)),
    ]


def _bars_of_elasticity(grown: Growth) -> list[Bar]:
    whole = grown.equal and grown.ledger.granted == WHOLE
    return [
        at_most("elasticity: seconds until a new machine works", grown.seconds, SECONDS),
        at_most("elasticity: committed units made again", grown.ledger.redone, 0),
        at_least("elasticity: whole after a machine left", int(whole), 1),
        at_least("elasticity: idle workers released at the tail", grown.released, 1),
    ]


def _bars_of_rivals(rivalry: Rivalry) -> list[Bar]:
    whole = rivalry.equal and rivalry.ledger.granted == WHOLE
    ended = sum(code == 0 for code in rivalry.codes)
    return [
        at_least("three drivers, one frozen: that end with 0", ended, 3),
        at_least("three drivers, one frozen: whole", int(whole), 1),
        at_most("three drivers, one frozen: committed units made again", rivalry.ledger.redone, 0),
    ]


def _hits(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How often each kind of blow fell."""
    blows = [hit.blow for outcome in outcomes for hit in outcome.hits]
    return dict(sorted(Counter(f"{b.signal.name} {b.victim}, {b.moment}" for b in blows).items()))


def _seed(outcome: Outcome) -> dict[str, Any]:
    ledger = outcome.ledger
    return {
        "seed": outcome.seed,
        "hits": list(map(str, outcome.hits)),
        "kills": outcome.kills,
        "whole": _is_whole(outcome),
        "failure": outcome.failure,
        "redone": ledger.redone,
        "raced": ledger.raced,
        "lost": sum(ledger.lost.values()),
        "requests": ledger.requests,
        "faults": dict(ledger.faults),
        "seconds": round(outcome.seconds, 1),
    }


if __name__ == "__main__":
    main()
