"""What a store was asked for in a run: which shards came into being, and which work was for nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.chaos.faulty_proxy import Seen


@dataclass(frozen=True, slots=True)
class Ledger:
    """The account of a run."""

    granted: Mapping[str, int]  # creates by shard; one each, if all is well
    redone: int  # shards that were sent by a process that began them when they were committed already
    raced: int  # shards that were sent by a process that began them before another one committed them
    lost: Mapping[int, int]  # by process: units that it began, and did not send whole
    requests: int
    faults: Mapping[str, int]


def read_ledger(seen: Iterable[Seen], output: str) -> Ledger:
    """The account of the run at `output`, an s3:// URI, from what a proxy saw.

    A worker asks for a shard before it makes it: "not there" is the beginning of its work.
    """
    folder = f"/{output.partition('//')[2].rstrip('/')}/"
    begun: dict[tuple[int, str], float] = {}
    sent: dict[tuple[int, str], float] = {}
    committed: dict[str, tuple[float, int]] = {}
    granted: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    requests = 0
    for one in seen:
        path = one.path.partition("?")[0]
        if not path.startswith(folder):
            continue
        requests += 1
        faults.update([one.fault] * bool(one.fault))
        key = (one.pid, path.removeprefix(folder))
        if not key[1].startswith("shards/"):
            continue
        if one.method == "HEAD" and one.status == 404:
            begun[key] = one.asked
        elif one.method == "PUT" and one.status:
            sent.setdefault(key, one.asked)
            if one.status < 300:
                granted[key[1]] += 1
                committed[key[1]] = (one.answered, one.pid)
    others = [key for key in sent if key[1] in committed and committed[key[1]][1] != key[0]]
    late = [key for key in others if begun.get(key, sent[key]) > committed[key[1]][0]]
    lost = Counter(pid for pid, path in begun.keys() - sent.keys())
    return Ledger(granted, len(late), len(others) - len(late), lost, requests, faults)
