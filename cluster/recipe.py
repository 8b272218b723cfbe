"""What a worker is told: how to make films, which unit of them, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cluster.codec import ImageFormat
from cluster.plan import Unit

Device = Literal["cpu", "cuda"]
DtypeName = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """How prompts become films: all that a worker needs before it knows its run."""

    model: str  # "mini", "null", a folder or a URI
    model_digest: str
    device: Device
    dtype: DtypeName
    steps: int
    guidance: float
    batch_size: int
    threads: int  # of the denoiser on a CPU
    compile: bool = False  # the denoiser; its kernels round otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How the reports of a corpus become the shards of a run."""

    corpus: str
    corpus_digest: str
    output: str
    plan_hash: str
    prompt: str
    seed: int
    image_format: ImageFormat
    model_digest: str


@dataclass(frozen=True, slots=True)
class Task:
    """A unit to make and commit; or, with `probe`, a part of it to run and throw away, to see who fails."""

    recipe: Recipe
    unit: Unit
    excluded: tuple[int, ...] = ()  # offsets of samples that kill their worker
    probe: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A loaded worker's first word."""

    pid: int
    film_shape: tuple[int, ...]  # (H, W) or (H, W, C)
    stack: Mapping[str, str]
    node: str = ""  # Ray's id of the machine that it is on
    seconds: float = 0.0  # that it took to load


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a worker answers for a task: some hundred bytes."""

    unit: int
    rows: int = 0
    rejects: Mapping[str, int] = field(default_factory=dict)  # by reason
    bytes: int = 0
    committed: bool = False  # False where another writer was first, or nothing was to be committed
    seconds_denoising: float = 0.0
    seconds: float = 0.0
