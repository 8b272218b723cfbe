"""The workers that `diffcxr train` is told to train in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cluster.session import connect, is_private, resources
from cluster.training import Workers, place_workers
from jobs.training_config import Config


@contextmanager
def training_workers(config: Config) -> Iterator[Workers]:
    """As many as the config asks for, where it asks for them, in a Ray session that is open meanwhile.

    Raises InputError where its cluster cannot have them.
    """
    with connect(config.address):
        gpu = config.device == "cuda" or (config.device == "auto" and resources().gpus > 0)
        yield place_workers(config.workers, config.threads, gpu=gpu, grows=not is_private(config.address))
