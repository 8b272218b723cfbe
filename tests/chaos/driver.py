"""`diffcxr`, but its workers tell the proxy before the store when they encode a film: nobody sees that from
outside. `python -m tests.chaos.driver generate ...`."""

from __future__ import annotations

import functools
import http.client
import os
import sys
from typing import Any
from urllib.parse import urlsplit

import cluster.worker
from cluster.pool import Pool, WorkerActor
from cluster.recipe import Ready, Sampler
from jobs import generate
from jobs.command import main
from tests.chaos.faulty_proxy import TELL


class TellingActor(WorkerActor):
    """A worker that waits, film by film, for leave to encode it, on the thread that encodes."""

    def load(self, sampler: Sampler) -> Ready:
        encode = cluster.worker.encode_image
        proxy = http.client.HTTPConnection(urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc)

        def encode_with_leave(*film: Any) -> bytes:
            proxy.request(TELL, "/encode")
            proxy.getresponse().read()
            return encode(*film)

        cluster.worker.encode_image = encode_with_leave
        return super().load(sampler)


if __name__ == "__main__":
    generate.Pool = functools.partial(Pool, actor=TellingActor)  # type: ignore[misc, assignment]
    sys.exit(main())
