"""A whole FID by two commands, from image files at rest to a printed value: pytorch-fid's, and ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pytorch_fid import inception as pytorch_fid

from benchmarks.inception_files import write_films, write_weights

SIDES = ("real", "synthetic")
_DIFFCXR = Path(sys.executable).with_name("diffcxr")


@dataclass(frozen=True, slots=True)
class Command:
    value: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Commands:
    """`imported`: seconds that making corpora of the files took before, once for all evaluations of them."""

    theirs: Command
    ours: Command
    imported: float


def whole_fid(folder: Path, films: int, size: int) -> Commands:
    """FID of as many films a side, with one file of random weights.

    Ours is `evaluate`, which also starts Ray, takes an interval of 20 more distances and a floor, and writes
    its exhibits.
    """
    # Where pytorch-fid's download would be: its command finds it there and asks no network.
    weights = folder / "torch/hub/checkpoints" / Path(pytorch_fid.FID_WEIGHTS_URL).name
    weights.parent.mkdir(parents=True)
    write_weights(weights)
    for number, side in enumerate(SIDES):
        write_films(folder / side, range(number * films, (number + 1) * films), size, soft=number == 1)
    theirs = _theirs(folder)
    started = time.perf_counter()
    for side in SIDES:
        source = ["source=folder", f"source.root={folder / side}"]
        _run([str(_DIFFCXR), "corpus", *source, f"output={folder / f'{side}-corpus'}"], folder)
    imported = time.perf_counter() - started
    return Commands(theirs, _ours(folder, weights), imported)


def _theirs(folder: Path) -> Command:
    command = [
        sys.executable,
        "-m",
        "pytorch_fid",
        *(str(folder / side) for side in SIDES),
        "--device",
        "cpu",
    ]
    printed, seconds = _run(command, folder)
    return Command(float(printed.rpartition("FID:")[2]), seconds)


def _ours(folder: Path, weights: Path) -> Command:
    corpora = [f"{side}={folder / f'{side}-corpus'}" for side in SIDES]
    chosen = ["metrics=[fid]", "extractors=[inception]", f"inception_weights={weights}"]
    output = folder / "measures"
    _, seconds = _run([str(_DIFFCXR), "evaluate", *corpora, *chosen, f"output={output}"], folder)
    (score,) = json.loads((output / "metrics.json").read_text())
    return Command(score["value"], seconds)


def _run(command: list[str], folder: Path) -> tuple[str, float]:
    """What a command prints, and how long it takes; on every core, as a person's would be."""
    environment = os.environ | {"TORCH_HOME": str(folder / "torch"), "PYTHONWARNINGS": "ignore"}
    started = time.perf_counter()
    ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return ended.stdout, time.perf_counter() - started
