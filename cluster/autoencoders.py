"""The autoencoder of a model folder, read alone: of the folder's other parts none need exist yet."""

from __future__ import annotations

import hashlib
import json
from typing import cast

from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import SafetensorError
from safetensors.torch import load as load_weights

from cluster.storage import Storage
from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.errors import InputError


def read_autoencoder(model: Storage, fix: str) -> FilmAutoencoder:
    """The frozen autoencoder of a model folder.

    Raises InputError, with `fix` as what to do, where there is none, or it is damaged.
    """
    folder = _folder(model, fix)
    try:
        # Not by from_pretrained, which would write the folder it read from into the new model's config.
        autoencoder = FilmAutoencoder.from_config(json.loads(folder.read("config.json")))
        autoencoder.load_state_dict(load_weights(folder.read(SAFETENSORS_WEIGHTS_NAME)))
    except (SafetensorError, ValueError, TypeError, RuntimeError) as error:
        raise InputError("the autoencoder cannot be read", folder.uri, fix) from error
    return cast(FilmAutoencoder, autoencoder.eval())


def autoencoder_digest(model: Storage, fix: str) -> str:
    """SHA-256 of its weights, the same wherever the folder lies. Raises as `read_autoencoder` does."""
    return hashlib.sha256(_folder(model, fix).read(SAFETENSORS_WEIGHTS_NAME)).hexdigest()


def _folder(model: Storage, fix: str) -> Storage:
    folder = model.child("autoencoder")
    if not folder.exists(SAFETENSORS_WEIGHTS_NAME):
        raise InputError("no autoencoder weights", folder.uri, fix)
    return folder
