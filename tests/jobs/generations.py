"""A short run of `generate` in a test's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cluster.corpus import Corpus
from jobs.generate import Config, WorkersConfig


def config_for(corpus: Corpus | Path, output: Path, workers: int = 1, **changed: Any) -> Config:
    uri = corpus.uri if isinstance(corpus, Corpus) else str(corpus)
    pool = WorkersConfig(min=1, max=workers)
    same: dict[str, Any] = {"model": "null", "batch_size": 4, "images_per_shard": 6, "workers": pool}
    return Config(corpus=uri, output=str(output), **same | changed)
