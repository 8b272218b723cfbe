"""Where runs face their ordeals: machines, a store behind a proxy, a corpus, and what is to be made of it."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from unittest.mock import patch

from tests.chaos.blows import Blow, draw_blows
from tests.chaos.faulty_proxy import FaultyProxy, by_seed, faulty_proxy, no_faults
from tests.chaos.ledger import Ledger, read_ledger
from tests.chaos.machines import Machines, machines
from tests.chaos.ordeal import Hit, Ordeal
from tests.committed import committed_objects
from tests.reports_corpus import reports_corpus
from tests.s3_server import S3Server

UNITS = 100
FAULTS = 0.1
"""Share of the requests for which a fault is drawn; a third of them draw one that cannot befall them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run came through."""

    seed: int
    hits: Sequence[Hit]
    drawn: Sequence[Blow]
    equal: bool  # every object is there, and has the bytes of the undisturbed run
    ledger: Ledger
    seconds: float
    failure: str  # what a driver said that ended by itself, or never; "" where each came through

    @property
    def kills(self) -> int:
        return sum(hit.blow.kills for hit in self.hits)

    @property
    def share_of_faults(self) -> float:
        return sum(self.ledger.faults.values()) / self.ledger.requests

    @property
    def log(self) -> str:
        """A line for the seed and one for each hit."""
        return "\n".join([f"seed {self.seed}", *map(str, self.hits)])


@dataclass(slots=True)
class Arena:
    """The same corpus for every run."""

    machines: Machines
    proxy: FaultyProxy
    uri: str
    images: int
    _undisturbed: dict[str, Mapping[str, bytes]] = field(default_factory=dict)

    @property
    def corpus(self) -> str:
        return f"{self.uri}/reports"

    def command(self, output: str, model: str = "null", workers: int = 2) -> list[str]:
        """The options of `generate`; UNITS units."""
        shape = ["batch_size=4", f"images_per_shard={self.images // UNITS}", "steps=4"]
        where = [f"address={self.machines.nodes.address}", f"workers.max={workers}"]
        return [f"corpus={self.corpus}", f"output={output}", f"model={model}", *shape, *where]

    def undisturbed(self, model: str = "null") -> Mapping[str, bytes]:
        """What a run makes that nothing befalls, and that is begun today, as its corpus.json says."""
        name = f"{model}-{datetime.now(UTC).date()}"
        if name not in self._undisturbed:
            output = f"{self.uri}/undisturbed-{name}"
            self.proxy.chooser = no_faults
            Ordeal(self.machines, self.proxy, output, ()).run(self.command(output, model))
            self._undisturbed[name] = committed_objects(output)
        return self._undisturbed[name]

    def face(self, seed: int, model: str = "null") -> Outcome:
        """What becomes of a run under the blows and faults of a seed."""
        whole, blows = self.undisturbed(model), draw_blows(seed)
        output = f"{self.uri}/{model}-{seed}-{uuid.uuid4().hex[:8]}"
        ordeal = Ordeal(self.machines, self.proxy, output, blows)
        self.proxy.seen.clear()
        self.proxy.chooser = by_seed(seed, FAULTS)
        start, failure = time.perf_counter(), ""
        try:
            ordeal.run(self.command(output, model))
        except AssertionError as error:
            failure = str(error)
        finally:
            self.proxy.chooser = no_faults
        seconds = time.perf_counter() - start
        ledger = read_ledger(self.proxy.seen, output)
        equal = committed_objects(output) == whole
        return Outcome(seed, ordeal.hits, blows, equal, ledger, seconds, failure)


@contextlib.contextmanager
def arena(s3: S3Server, images: int) -> Iterator[Arena]:
    """Two machines and a corpus of `images` reports; the environment reaches the store through the proxy."""
    with faulty_proxy(s3.endpoint, no_faults) as proxy:
        environment = s3.environment() | {"AWS_ENDPOINT_URL": proxy.endpoint}
        with patch.dict(os.environ, environment), machines(2) as there:
            made = Arena(there, proxy, f"s3://{s3.bucket}/{uuid.uuid4().hex}", images)
            reports_corpus(made.corpus, reports=images, shard_rows=images // 4)
            yield made
