"""What `benchmarks/million.py` measures the engine against: the same films by Ray Data and its checkpoints.

Reading, drawing and writing are plain functions, which Ray Data fuses into one task a block: no actor is
waited for, and no film passes through the object store.
"""

from __future__ import annotations

import os
import time
import warnings

import pyarrow as pa
import ray.data
import torch
from pyarrow.fs import S3FileSystem
from ray.data.checkpoint import CheckpointConfig

from cluster.batches import BatchRunner, Slot
from cluster.codec import Provenance, encode_image
from cluster.models import NULL
from cluster.session import connect
from cluster.storage import Storage
from diffcxr.null_pipeline import NullPipeline
from diffcxr.seeds import sample_seed

BATCH = 16
SECONDS_PATH = "seconds"


def run(corpus: str, output: str, shards: str) -> None:
    """Makes the films of the reports at `corpus` below `output`/shards, in `shards` files.

    Where it was interrupted, it goes on from its checkpoints below `output`/checkpoints. The seconds that it
    took, the start of Ray apart, are the object `output`/seconds.
    """
    warnings.simplefilter("ignore")
    files = file_system()
    with connect():
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        # The newer reader starts 32 actors for the footers, and packs what is small into blocks of 128 MiB.
        context.use_datasource_v2 = False
        context.checkpoint_config = CheckpointConfig(
            id_column="report_id",
            checkpoint_path=f"{output}/checkpoints",
            override_filesystem=files,
            delete_checkpoint_on_success=False,
        )
        start = time.perf_counter()
        reports = ray.data.read_parquet(
            f"{_bare(corpus)}/shards", filesystem=files, override_num_blocks=int(shards)
        )
        films = reports.map_batches(draw_films, batch_size=None, batch_format="pyarrow", zero_copy_batch=True)
        films.write_parquet(f"{_bare(output)}/shards", filesystem=files)
        seconds = time.perf_counter() - start
    Storage.at(output).replace(SECONDS_PATH, str(seconds).encode())


def draw_films(reports: pa.Table) -> pa.Table:
    """The reports with a film each and its seed, of the same pixels as `generate model=null` makes."""
    torch.set_num_threads(1)
    batches = BatchRunner(NullPipeline(), steps=1, guidance=1.0, batch_size=BATCH)
    ids = reports.column("report_id").to_pylist()
    seeds = [sample_seed(0, report_id, 0) for report_id in ids]
    images: list[dict[str, bytes | None]] = []
    for first in range(0, len(seeds), BATCH):
        slots = [Slot("", seed) for seed in seeds[first : first + BATCH]]
        for slot, film in zip(slots, batches.call(slots), strict=False):  # the last batch is padded
            data = encode_image(film, "jpeg", Provenance(model=NULL, run="ray-data", seed=slot.seed))
            images.append({"bytes": data, "path": None})
    columns = {
        "image": pa.array(images, reports.schema.field("image").type),
        "seed": pa.array(seeds, pa.int64()),
    }
    for name, column in columns.items():
        reports = reports.set_column(reports.column_names.index(name), name, column)
    return reports


def file_system() -> S3FileSystem:
    """The S3 server of the environment, as pyarrow reaches it."""
    scheme, _, host = os.environ["AWS_ENDPOINT_URL"].partition("://")
    return S3FileSystem(
        access_key=os.environ["AWS_ACCESS_KEY_ID"],
        secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        region=os.environ["AWS_REGION"],
        scheme=scheme,
        endpoint_override=host,
    )


def _bare(uri: str) -> str:
    return uri.removeprefix("s3://")
