"""Films as a frozen autoencoder has them: made once, and kept on the node."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray

from cluster.model_parts import own_config
from cluster.tensor_cache import cached_tensors
from cluster.training_data import TrainingData
from diffcxr.kl_autoencoder import Autoencoder
from diffcxr.precision import precision
from diffcxr.training.autoencoder import encode_films
from jobs.stages.relay import Relay


def film_latents(autoencoder: Autoencoder, data: TrainingData) -> NDArray[np.float16]:
    """Normalised latents (n, C, H/8, W/8) of the films, from the node's cache where they are there."""
    weights = hashlib.sha256()
    for name, values in sorted(autoencoder.state_dict().items()):
        weights.update(name.encode() + values.cpu().numpy().tobytes())

    def encode() -> dict[str, torch.Tensor]:
        with Relay(total=len(data.films), unit="film", desc="encode films") as bar:
            return {"latents": torch.from_numpy(encode_films(autoencoder, data.films, on_batch=bar.update))}

    key = {
        "films": data.digest,
        "autoencoder": weights.hexdigest(),
        "config": own_config(autoencoder.config),  # a pretrained one's scaling factor is no weight
        "device": autoencoder.device.type,
        "precision": precision(autoencoder.device.type),
    }
    latents: NDArray[np.float16] = cached_tensors(key, encode)["latents"].numpy()
    return latents
