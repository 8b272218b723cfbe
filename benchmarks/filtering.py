"""Latent noise filtering: how many of the films that do not belong it finds, and how many simpler ways do.

On the embedded world's films, 8 % of them artefacts of nine kinds, and on real films (`--films`), of which
ten draws spoil 8 % each. One-shot k-means distance, isolation forests and the local outlier factor see the
same latents; `distance alone` is what LNFS begins with, before its anomaly model has learnt from it, and so
says what the rounds are worth. Kinds of artefacts are for scoring alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, precision_recall_curve
from sklearn.neighbors import LocalOutlierFactor

from benchmarks.result import Bar, argument_parser, at_least, write_result
from cluster.model_parts import read_part
from cluster.models import MINI
from cluster.storage import Storage
from cluster.training_data import decode_film
from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.filtering.features import latent_features
from diffcxr.filtering.rounds import filter_features
from diffcxr.sources.files import LocalFiles
from diffcxr.sources.phantom import phantom_rows
from diffcxr.sources.row import Row
from diffcxr.sources.table import table_rows
from diffcxr.training.autoencoder import encode_films

WORLD, SHARE = 8001, 0.08

Films = NDArray[np.uint8]
Latents = NDArray[np.float16]  # (n, C, h, w)
Scores = NDArray[np.floating]
Truth = NDArray[np.bool_]


def main() -> None:
    parser = argument_parser(__doc__ or "")
    parser.add_argument(
        "--films", type=Path, default=Path("../shared/data/cxr_256"), help="real films, a table"
    )
    arguments = parser.parse_args()
    autoencoder = read_part(
        Storage.at(MINI), "autoencoder", FilmAutoencoder, "Fetch the repository's large files."
    )

    latents, truth = phantom_latents(autoencoder, 3000 if arguments.quick else 20000)
    started = time.perf_counter()
    filtered = filter_features(latent_features(latents))
    seconds = time.perf_counter() - started
    phantom = {"lnfs": average_precision(truth, filtered.scores)}
    phantom["distance alone"] = average_precision(truth, filtered.history[0])
    phantom |= {name: average_precision(truth, score(latents)) for name, score in PEERS.items()}
    recall = recall_at_precision(truth, filtered.scores, 0.9)
    bars = [
        at_least("average precision, phantom films", phantom["lnfs"], 0.95),
        at_least("recall at precision 0.90, phantom films", recall, 0.90),
    ]
    bars += [
        at_least(f"average precision less {name}'s, phantom films", phantom["lnfs"] - phantom[name], 0.0)
        for name in PEERS
    ]
    real = real_precisions(autoencoder, arguments.films, draws=3 if arguments.quick else 10)
    if real:
        ours, one_shot = (np.array([draw[name] for draw in real]) for name in ("lnfs", "k-means"))
        bars += [
            at_least("mean average precision, real films", float(ours.mean()), 0.80),
            at_least(
                "mean average precision less k-means's, real films", float((ours - one_shot).mean()), 0.10
            ),
        ]
    if arguments.quick:  # the bars are for 20,000 films
        bars = [Bar(bar.name, bar.value, bar.bar, ok=True) for bar in bars]
    write_result(
        "filtering",
        bars,
        arguments.output,
        world=WORLD,
        films=len(truth),
        artefacts=int(truth.sum()),
        removed=int(filtered.removed.sum()),
        precision_of_removed=float(truth[filtered.removed].mean()),
        recall_of_removed=float(filtered.removed[truth].mean()),
        rounds=len(filtered.rounds),
        seconds_to_filter=round(seconds, 1),
        phantom=phantom,
        real=real,
    )


def phantom_latents(autoencoder: FilmAutoencoder, count: int) -> tuple[Latents, Truth]:
    """Latents of `count` phantom films, and which of them are artefacts."""
    rows = list(phantom_rows(count, WORLD, artefacts=SHARE, workers=2))
    films = np.stack([decode_film(row.image or b"", 128) for row in rows])
    truth = np.array([json.loads(row.truth or "{}")["artefact"] is not None for row in rows])
    return encode_films(autoencoder, films), truth


def real_precisions(autoencoder: FilmAutoencoder, root: Path, draws: int) -> list[dict[str, float]] | None:
    """Average precision of LNFS, its distance alone and one-shot k-means in each draw; None without films."""
    if not root.is_dir():
        return None
    rows = [row for row in table_rows(LocalFiles(root)) if isinstance(row, Row) and row.image]
    films = np.stack([decode_film(row.image or b"", 256) for row in rows])
    clean = encode_films(autoencoder, halved(films))
    precisions = []
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        spoilt = rng.choice(len(films), int(SHARE * len(films)), replace=False)
        latents, truth = clean.copy(), np.zeros(len(films), np.bool_)
        made = np.stack([SPOILERS[rng.integers(len(SPOILERS))](films[row], rng) for row in spoilt])
        latents[spoilt], truth[spoilt] = encode_films(autoencoder, halved(made)), True
        filtered = filter_features(latent_features(latents))
        precisions.append(
            {
                "lnfs": average_precision(truth, filtered.scores),
                "distance alone": average_precision(truth, filtered.history[0]),
                "k-means": average_precision(truth, k_means(latents)),
            }
        )
    return precisions


def halved(films: Films) -> Films:
    """Films (n, 256, 256) at 128 pixels, each the mean of four."""
    blocks = films.reshape(len(films), 128, 2, 128, 2).mean((2, 4))
    small: Films = blocks.round().astype(np.uint8)
    return small


def rotated(film: Films, rng: np.random.Generator) -> Films:
    return np.rot90(film, rng.integers(1, 4))


def inverted(film: Films, rng: np.random.Generator) -> Films:
    return 255 - film


def cropped(film: Films, rng: np.random.Generator) -> Films:
    side = int(len(film) * rng.uniform(0.35, 0.6))
    top, left = rng.integers(0, len(film) - side, 2)
    part = Image.fromarray(film[top : top + side, left : left + side])
    return np.asarray(part.resize(film.shape, Image.Resampling.BICUBIC))


def blanked(film: Films, rng: np.random.Generator) -> Films:
    level, noise = rng.choice([2, 60, 128, 250]), rng.normal(0, rng.uniform(0.5, 4), film.shape)
    blank: Films = (level + noise).clip(0, 255).astype(np.uint8)
    return blank


def overexposed(film: Films, rng: np.random.Generator) -> Films:
    bright: Films = (film * rng.uniform(1.8, 3.0) + rng.uniform(0, 60)).clip(0, 255).astype(np.uint8)
    return bright


SPOILERS = (rotated, inverted, cropped, blanked, overexposed)


def k_means(latents: Latents) -> Scores:
    """One-shot distance to the nearest of eight centroids."""
    x_nD = flat(latents)
    distances: Scores = KMeans(8, n_init=3, random_state=0).fit(x_nD).transform(x_nD).min(axis=1)
    return distances


def isolation_forest(latents: Latents) -> Scores:
    x_nD = flat(latents)
    scores: Scores = -IsolationForest(random_state=0).fit(x_nD).score_samples(x_nD)
    return scores


def local_outlier_factor(latents: Latents) -> Scores:
    fitted = LocalOutlierFactor(n_neighbors=20, algorithm="brute").fit(flat(latents))
    scores: Scores = -fitted.negative_outlier_factor_
    return scores


PEERS: dict[str, Callable[[Latents], Scores]] = {
    "k-means": k_means,
    "IsolationForest": isolation_forest,
    "LocalOutlierFactor": local_outlier_factor,
}


def flat(latents: Latents) -> NDArray[np.float32]:
    return latents.reshape(len(latents), -1).astype(np.float32)


def average_precision(truth: Truth, scores: Scores) -> float:
    return float(average_precision_score(truth, scores))


def recall_at_precision(truth: Truth, scores: Scores, precision: float) -> float:
    """The largest recall at which at least `precision` of what is found are artefacts."""
    precisions, recalls, _ = precision_recall_curve(truth, scores)
    return float(recalls[precisions >= precision].max())


if __name__ == "__main__":
    main()
