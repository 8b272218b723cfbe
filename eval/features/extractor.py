"""Image -> vector: the life cycle that every feature extractor has, and how films are fed to one."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

BATCH = 32
"""Films a call: one shape, for features move with the batch size."""


class Extractor(Protocol):
    """Made and checked on the driver, pickled to a worker without its network, set up there once.

    `name` is what a person asks for, `dimension` d; `digest` tells weights, preprocessing and precision, so
    that equal digests mean equal features.
    """

    name: str
    dimension: int
    digest: str

    def setup(self, device: str) -> None:
        """Build the network on `device`, once a worker."""
        ...

    def process(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (b, d) of films (b, h, w); b is BATCH."""
        ...


@runtime_checkable
class Classifying(Protocol):
    """An extractor whose network names what it sees: what an inception score takes."""

    def class_layer(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weights (classes, d) and bias (classes,) from features to class logits; needs no `setup`."""
        ...


class Judge(Extractor, Protocol):
    """An extractor whose numbers say of each of `findings` whether a film shows it: above 0 where it does."""

    findings: tuple[str, ...]


class Reader(Protocol):
    """What an `Extractor` is for films, for the texts of reports."""

    name: str
    dimension: int
    digest: str

    def setup(self, device: str) -> None: ...

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors (n, d) of texts, each read alone: a report's vector does not depend on its company."""
        ...


@dataclass(frozen=True, slots=True)
class Matcher:
    """Films and reports in one space of `dimension`: what alignment and retrieval take."""

    films: Extractor
    reports: Reader

    @property
    def name(self) -> str:
        return self.films.name

    @property
    def digest(self) -> str:
        """Of both, as of an extractor."""
        both = f"{self.films.digest} {self.reports.digest}".encode()
        return f"sha256:{hashlib.sha256(both).hexdigest()}"


def extract(extractor: Extractor, films: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Features (n, d) of grey films (h, w) of any sizes, in their order.

    Films of one size go together in batches of BATCH, the last padded: a film's features do not depend on
    its company.
    """
    features = np.empty((len(films), extractor.dimension), np.float32)
    with ThreadPoolExecutor(1) as beside:  # while a network computes one batch, the next is put together
        waiting: Future[NDArray[np.uint8]] | None = None
        for chosen, following in pairwise([*_batches(films), []]):
            batch = _joined(films, chosen) if waiting is None else waiting.result()
            waiting = beside.submit(_joined, films, following) if following else None
            features[chosen] = extractor.process(batch)[: len(chosen)]
    return features


def _batches(films: Sequence[NDArray[np.uint8]]) -> list[list[int]]:
    """Places of films that go together: of one size, at most BATCH."""
    shapes: dict[tuple[int, ...], list[int]] = {}
    for index, film in enumerate(films):
        shapes.setdefault(film.shape, []).append(index)
    return [
        members[start : start + BATCH]
        for members in shapes.values()
        for start in range(0, len(members), BATCH)
    ]


def _joined(films: Sequence[NDArray[np.uint8]], chosen: Sequence[int]) -> NDArray[np.uint8]:
    """Films of one size as a batch, filled up with black ones."""
    batch = np.zeros((BATCH, *films[chosen[0]].shape), np.uint8)
    np.stack([films[index] for index in chosen], out=batch[: len(chosen)])
    return batch


def use_exact_arithmetic() -> None:
    """Float32 as float32 on a GPU: TF32 and autotuned kernels move features from run to run."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def fold_norms(network: nn.Module) -> None:
    """Each normalisation into the convolution before it: the same numbers to 1e-6, and less time on a CPU."""
    for part in network.modules():
        previous: tuple[str, nn.Module] | None = None
        for name, child in list(part.named_children()):
            if isinstance(child, nn.BatchNorm2d) and previous is not None:
                assert isinstance(previous[1], nn.Conv2d)
                setattr(part, previous[0], fuse_conv_bn_eval(previous[1], child))
                setattr(part, name, nn.Identity())
            previous = name, child


def extractor_digest(name: str, weights: bytes, recipe: str) -> str:
    """SHA-256 over the weights' bytes and how films are brought to them (`recipe`)."""
    facts = {
        "name": name,
        "weights": hashlib.sha256(weights).hexdigest(),
        "recipe": recipe,
        "batch": BATCH,
        "dtype": "float32",
    }
    return f"sha256:{hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()}"


def load_weights(weights: bytes) -> dict[str, Tensor]:
    """The tensors of a PyTorch file; nothing else is unpickled. Raises ValueError for any other file."""
    try:
        state = torch.load(io.BytesIO(weights), weights_only=True, map_location="cpu")
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise ValueError("not a PyTorch file of weights") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError("not a dictionary of tensors")
    return state
