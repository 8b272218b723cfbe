"""The parts of a model folder, each read alone: of the folder's other parts none need exist yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load as load_weights

from cluster.storage import Storage
from diffcxr.errors import InputError

if TYPE_CHECKING:  # a driver, which takes digests alone, need not wait until diffusers is imported
    from diffusers.models.modeling_utils import ModelMixin

    from diffcxr.kl_autoencoder import Autoencoder

Part = TypeVar("Part", bound="ModelMixin")

_WEIGHTS = "diffusion_pytorch_model.safetensors"
"""The file in which diffusers keeps a part's."""


def read_part(model: Storage, name: str, kind: type[Part], fix: str) -> Part:
    """The part in the folder `name` of a model, in float32, ready to be used.

    Raises InputError, with `fix` as what to do, where there is none, or it is damaged.
    """
    folder = _folder(model, name, fix)
    try:
        # Not by from_pretrained, which would write the folder it read from into the new model's config.
        part: Any = kind.from_config(json.loads(folder.read("config.json")))
        part.load_state_dict(load_weights(folder.read(_WEIGHTS)))
    except (SafetensorError, ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"the {_spoken(name)} cannot be read", folder.uri, fix) from error
    read: Part = part.eval()
    return read


def read_autoencoder(model: Storage, fix: str) -> Autoencoder:
    """The autoencoder of a model, ours or a pretrained one, as `read_part` reads it."""
    from diffcxr.autoencoder import FilmAutoencoder
    from diffcxr.kl_autoencoder import KLAutoencoder

    config = _folder(model, "autoencoder", fix).read("config.json")
    kind: type[Autoencoder] = KLAutoencoder if b'"KLAutoencoder"' in config else FilmAutoencoder
    return read_part(model, "autoencoder", kind, fix)


def read_config(model: Storage, name: str, fix: str) -> dict[str, Any]:
    """What a part of a model is built by. Raises as `read_part` does."""
    folder = _folder(model, name, fix)
    try:
        config: dict[str, Any] = json.loads(folder.read("config.json"))
    except ValueError as error:
        raise InputError(f"the {_spoken(name)} cannot be read", folder.uri, fix) from error
    return config


def part_digest(model: Storage, name: str, fix: str) -> str:
    """SHA-256 of a part's weights and of what it is built by, the same wherever the folder lies.

    Raises as `read_part` does.
    """
    config = own_config(read_config(model, name, fix))
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    digest.update(_folder(model, name, fix).read(_WEIGHTS))
    return digest.hexdigest()


def own_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A part's config without what diffusers adds to it: its version, and where it was read from."""
    return {name: value for name, value in config.items() if not name.startswith("_")}


def _folder(model: Storage, name: str, fix: str) -> Storage:
    folder = model.child(name)
    if not folder.exists(_WEIGHTS):
        raise InputError(f"no {_spoken(name)} weights", folder.uri, fix)
    return folder


def _spoken(name: str) -> str:
    return name.replace("_", " ")
