"""MS-SSIM diversity: how alike the films are that one prompt gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from eval.intervals import bootstrap_mean
from eval.scores import Score

SAMPLES = 4
"""Films a prompt, so six pairs: RoentGen's protocol. Further ones are left out, as are prompts with fewer."""
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli and Bovik 2003
_TAPS, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2
SMALLEST = (_TAPS - 1) * 2 ** (len(_WEIGHTS) - 1) + 1
"""Pixels a side that five scales need: 161."""
_RESIZED = 256
REFLECTED, VALID = 0, 1
"""What becomes of a film's edges at the last scale."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A film that waits for the others of its prompt."""

    prompt: int  # the prompt's number, such as the key of its report's first film
    patient: int
    index: int  # 0 to SAMPLES - 1 among the prompt's films
    film: NDArray[np.uint8]  # (h, w)


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """A mergeable state: of each complete prompt the mean over its pairs; of others the films there are.

    It stays as small as SAMPLES - 1 films of each prompt that `eval.quartets` chooses, in whatever order they
    come: companions of a film that cannot be read wait to the end.
    """

    prompts: NDArray[np.uint64]  # (p,)
    patients: NDArray[np.uint64]  # (p,)
    values: NDArray[np.float64]  # (p, 2): by the EDGES of `similarities`
    resized: NDArray[np.bool_]  # (p,): its films were too small, or of several sizes
    waiting: tuple[Sample, ...] = ()

    @classmethod
    def empty(cls) -> Likeness:
        return cls(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty((0, 2)), np.empty(0, np.bool_))


def update(state: Likeness, samples: Iterable[Sample]) -> Likeness:
    """`state` with films added; prompts that become complete are measured."""
    return merge(
        state,
        Likeness(state.prompts[:0], state.patients[:0], state.values[:0], state.resized[:0], tuple(samples)),
    )


def merge(a: Likeness, b: Likeness) -> Likeness:
    """The state of the films of both, prompts in the order of their numbers.

    Of the films that wait in `a`, which may be many, only those of prompts in `b` are grouped.
    """
    met: dict[int, dict[int, Sample]] = {sample.prompt: {} for sample in b.waiting}
    apart = [sample for sample in a.waiting if sample.prompt not in met]
    for sample in (*(sample for sample in a.waiting if sample.prompt in met), *b.waiting):
        if sample.index < SAMPLES:
            met[sample.prompt][sample.index] = sample
    complete = {prompt: films for prompt, films in met.items() if len(films) == SAMPLES}
    found = [
        (films[0].patient, *_mean_likeness([films[i].film for i in range(SAMPLES)]))
        for films in complete.values()
    ]
    prompts = np.concatenate([a.prompts, b.prompts, np.array(list(complete), np.uint64)])
    order = np.argsort(prompts, kind="stable")
    return Likeness(
        prompts[order],
        np.concatenate([a.patients, b.patients, np.array([f[0] for f in found], np.uint64)])[order],
        np.concatenate([a.values, b.values, *(likeness[None] for _, likeness, _ in found)])[order],
        np.concatenate([a.resized, b.resized, np.array([f[2] for f in found], np.bool_)])[order],
        (*apart, *(s for prompt, films in met.items() if prompt not in complete for s in films.values())),
    )


def result(state: Likeness, edges: int = REFLECTED) -> float:
    """The mean over complete prompts; lower is more diverse. Raises ValueError where there is none."""
    if not len(state.values):
        raise ValueError(f"MS-SSIM needs a prompt with {SAMPLES} films")
    return float(state.values[:, edges].mean())


def ms_ssim_scores(
    real: Likeness,
    synthetic: Likeness,
    *,
    n_real: int,
    n_synthetic: int,
    digest: str,
    reference: str,
    prompts: int | None = None,  # with four films, measured or not; None: as many as were measured
) -> Iterator[Score]:
    """The mean over prompts, with a bootstrap over patients; without a value where no prompt has four films.

    A row for either way with edges: `ms_ssim` reflects them, `ms_ssim_valid` leaves them out. `real` holds
    real films, each four of four patients, instead of prompts: their likeness is the `floor`.
    """
    measured = len(synthetic.values)
    of = f" of {prompts:,}" if prompts not in (None, measured) else ""
    told = [f"{measured:,}{of} prompts with {SAMPLES} films each"]
    if resized := int(synthetic.resized.sum()):
        told.append(f"films of {resized:,} resized to {_RESIZED} pixels, for five scales need {SMALLEST}")
    for edges, metric in ((REFLECTED, "ms_ssim"), (VALID, "ms_ssim_valid")):
        value = low = high = None
        if len(synthetic.values):
            value = result(synthetic, edges)
            low, high = bootstrap_mean(synthetic.values[:, edges], synthetic.patients)
        yield Score(
            metric=metric,
            extractor=None,
            value=value,
            low=low,
            high=high,
            floor=result(real, edges) if len(real.values) else None,
            n_floor=SAMPLES * len(real.values) or None,
            n_real=n_real,
            n_synthetic=n_synthetic,
            reference=reference,
            digest=digest,
            note="; ".join(told),
        )


def similarities(films: NDArray[np.floating]) -> NDArray[np.float64]:
    """(pairs, 2): MS-SSIM of each pair (i < j) of films (s, h, w) in [0, 1], at least SMALLEST pixels a side.

    Gaussian window of 11 taps and sigma 1.5, data range 1, negative terms as 0. Contrast is averaged where
    the window fits, and SSIM at the last scale over all pixels with reflected edges, as torchmetrics does, at
    REFLECTED; at VALID where the window fits there too, as Wang et al. (2003) and pytorch-msssim take it.
    Raises ValueError for smaller films.
    """
    if min(films.shape[1:]) < SMALLEST:
        raise ValueError(f"MS-SSIM needs films of {SMALLEST} pixels a side, not {films.shape[1:]}")
    x = torch.from_numpy(np.ascontiguousarray(films, np.float64)).unsqueeze(1)
    found = _of_pyramid(x, padded=False)
    if any(side % 2 ** (len(_WEIGHTS) - 1) for side in films.shape[1:]):
        found[:, VALID] = _of_pyramid(x, padded=True)[:, VALID]
    similar: NDArray[np.float64] = found.numpy()
    return similar


def _of_pyramid(x: Tensor, padded: bool) -> Tensor:
    """The same of films (s, 1, h, w); `padded`: odd sides are halved as pytorch-msssim does, with zeros."""
    i, j = torch.triu_indices(len(x), len(x), 1)
    value, edge = torch.ones(len(i), 2, dtype=torch.float64), _TAPS // 2
    for scale, weight in enumerate(_WEIGHTS):
        blurred = _blurred(torch.cat([x, x * x, x[i] * x[j]]))
        mean, square, cross = blurred[: len(x)], blurred[len(x) : 2 * len(x)], blurred[2 * len(x) :]
        variance = (square - mean * mean).clamp(min=0)
        term = (2 * (cross - mean[i] * mean[j]) + _C2) / (variance[i] + variance[j] + _C2)
        if scale == len(_WEIGHTS) - 1:
            term = term * (2 * mean[i] * mean[j] + _C1) / (mean[i] ** 2 + mean[j] ** 2 + _C1)
        valid = term[..., edge:-edge, edge:-edge].mean((1, 2, 3))
        reflected = term.mean((1, 2, 3)) if scale == len(_WEIGHTS) - 1 else valid
        value *= torch.stack([reflected, valid], dim=1).clamp(min=0) ** weight
        x = F.avg_pool2d(x, 2, padding=[side % 2 for side in x.shape[2:]] if padded else 0)
    return value


def _mean_likeness(films: list[NDArray[np.uint8]]) -> tuple[NDArray[np.float64], bool]:
    """Over the pairs of a prompt's films; whether they had to be resized."""
    resized = len({film.shape for film in films}) > 1 or min(films[0].shape) < SMALLEST
    scaled = [_resize(film) if resized else film.astype(np.float64) for film in films]
    return similarities(np.stack(scaled) / 255).mean(0), resized


def _resize(film: NDArray[np.uint8]) -> NDArray[np.float64]:
    x = torch.from_numpy(film.astype(np.float64))[None, None]
    resized: NDArray[np.float64] = F.interpolate(
        x, (_RESIZED, _RESIZED), mode="bilinear", antialias=True, align_corners=False
    )[0, 0].numpy()
    return resized


def _blurred(maps: Tensor) -> Tensor:
    """(b, 1, h, w) under the window, edges reflected."""
    taps = torch.exp(-((torch.arange(_TAPS, dtype=torch.float64) - _TAPS // 2) ** 2) / (2 * _SIGMA**2))
    taps = taps / taps.sum()
    maps = F.pad(maps, (_TAPS // 2,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(maps, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))
