"""`diffcxr reproduce`: makes one image of a run again, and says whether its bytes agree."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from cluster.codec import decode_image
from cluster.compilation import compile_denoiser
from cluster.models import NULL, absolute_model, fetch_model, load_pipeline, model_digest
from cluster.recipe import Device
from cluster.reproduction import find_sample, make_again
from cluster.run_record import RunRecord, read_record
from cluster.stack import describe_stack, differing
from cluster.storage import Storage
from diffcxr.errors import InputError
from jobs.command import main
from jobs.options import option, required
from jobs.summary import Summary


@dataclass(kw_only=True)
class Config:
    output: str = required(help="URI or path of the run's output")
    report_id: str = required(help="the study")
    sample_index: int = option(0, help="which of its images", min=0)
    model: str = option("mini", help="the model that the run was made with, by name, folder or URI")
    device: str = option("auto", help="where to denoise", choices=("auto", "cpu", "cuda"))
    image: str | None = option(None, help="a path to write the image to that was made again")


def run(config: Config) -> Summary:
    """Compares the image with what its seed, its prompt and its slot give now."""
    output = Storage.at(config.output)
    record = read_record(output)
    if record is None or "film_shape" not in record.pixels:
        raise InputError("no run of generate here", output.uri, "Give the output of `diffcxr generate`.")
    pipeline_folder = _model(config.model, record)
    found = find_sample(output, record, config.report_id, config.sample_index)
    device = _device(config.device)
    dtype: torch.dtype = getattr(torch, str(record.pixels["dtype"]))
    pipeline = load_pipeline(pipeline_folder, device, dtype)
    if record.pixels.get("compile"):
        compile_denoiser(pipeline)
    again = make_again(record, found, pipeline)
    if config.image is not None:
        Path(config.image).write_bytes(again)
    values: dict[str, Any] = {
        "report_id": config.report_id,
        "sample_index": config.sample_index,
        "shard": found.unit,
        "slot": found.slot,
        "seed": found.seed,
        "bytes_agree": again == found.image,
        "psnr_db": psnr(found.image, again),
        "stack_differs_in": differing(found.stack, describe_stack(device)),
        "image": config.image,
    }
    table = [[name, value] for name, value in values.items() if value not in (None, [])]
    return Summary(values=values, table=table)


def psnr(one: bytes, other: bytes) -> float | None:
    """Peak signal to noise of two image files in dB; None where they agree, or have not one shape."""
    a, b = decode_image(one).astype(np.float64), decode_image(other).astype(np.float64)
    if a.shape != b.shape:
        return None
    error = float(np.mean((a - b) ** 2))
    return 10 * math.log10(255**2 / error) if error else None


def _model(model: str, record: RunRecord) -> Path | str:
    """Raises InputError where it is not the model of the run."""
    pixels: Mapping[str, object] = record.pixels
    folder = NULL if model == NULL else fetch_model(absolute_model(model))
    digest = NULL if isinstance(folder, str) else model_digest(folder)
    if digest != pixels["model_digest"]:
        raise InputError("not the model of the run", model, f"Its digest is {pixels['model_digest']}.")
    return folder


def _device(device: str) -> Device:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return cast(Device, device)


if __name__ == "__main__":
    sys.exit(main(["reproduce", *sys.argv[1:]]))
