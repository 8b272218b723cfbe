"""Contact sheets of a stage in training: what it can do by now, on the same films or reports and seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cluster.codec import Provenance, encode_image
from cluster.training_data import TrainingData
from cluster.training_run import TrainingRun
from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.seeds import generator, sample_seed
from diffcxr.training.autoencoder import to_unit

_FILMS = 8
_STEPS = 10
_PAIRS = (
    "Films of the corpus, and below each what the autoencoder makes of it; as confidential as the corpus."
)


@torch.no_grad()
def film_pairs(autoencoder: FilmAutoencoder, data: TrainingData) -> bytes:
    """A PNG of the first films, and their reconstructions below."""
    films_B1HW = to_unit(data.films[:_FILMS]).to(autoencoder.device)
    decoded_B1HW = autoencoder.decode(autoencoder.encode(films_B1HW))
    rows = [films[:, 0].float().cpu().numpy() for films in (films_B1HW, decoded_B1HW)]
    return encode_image(contact_sheet(np.stack(rows)), "png", _PAIRS)


def drawn_films(pipeline: Any, data: TrainingData, run: TrainingRun, seed: int) -> bytes:
    """A PNG of films that the pipeline makes of the first reports, in few steps and without guidance."""
    texts = data.texts[:_FILMS]
    generators = [generator(sample_seed(seed, str(place), 0)) for place in range(len(texts))]
    pipeline.set_progress_bar_config(disable=True)
    films_BHW1 = pipeline(
        texts, num_inference_steps=_STEPS, guidance_scale=1.0, generator=generators, output_type="np"
    ).images
    provenance = Provenance(f"{run.stage} in training", run.record_hash, seed)
    columns = -(-len(texts) // 2)
    films_BHW = np.concatenate(
        [films_BHW1[..., 0], np.zeros_like(films_BHW1[: 2 * columns - len(texts), ..., 0])]
    )
    return encode_image(contact_sheet(films_BHW.reshape(2, columns, *films_BHW.shape[1:])), "png", provenance)


def contact_sheet(films_RCHW: NDArray[np.floating]) -> NDArray[np.floating]:
    """Films in rows and columns as one image (R H, C W)."""
    rows, columns, height, width = films_RCHW.shape
    return films_RCHW.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
