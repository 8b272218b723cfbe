"""A model by its name: fetched once a node, identified by what it holds, loaded once a worker."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from safetensors import SafetensorError, safe_open

import diffcxr
from cluster.storage import Storage
from diffcxr.errors import InputError

if TYPE_CHECKING:  # a driver names models and loads none: torch would take it seconds
    import torch

MINI = Path(diffcxr.__file__).parent.parent / "models" / "mini"
"""The embedded default model: beside the packages, in a checkout and in an installed wheel alike."""
NULL = "null"
"""The name of the pipeline without a model."""

_INDEX = "model_index.json"
_IDENTITY = (".safetensors", ".json", ".txt", ".model")  # weights, configurations, vocabularies
_FIX = "Give the folder of a DiffCXRPipeline or of a diffusers text-to-image pipeline, saved as safetensors."


class Pipeline(Protocol):
    """Report in, film out, as diffusers calls it; `.images` is float (B, H, W[, C]) in [0, 1]."""

    def __call__(
        self,
        prompt: list[str],
        *,
        num_inference_steps: int,
        guidance_scale: float,
        generator: list[torch.Generator],
        output_type: str,
    ) -> Any: ...


def absolute_model(model: str) -> str:
    """The model's name as it is understood in any process: folders become absolute paths."""
    if model in ("mini", NULL) or "://" in model:
        return model
    return str(Path(model).expanduser().resolve())


def fetch_model(model: str) -> Path:
    """The local folder of a model: "mini", a folder, or a URI, which is downloaded once a node.

    Raises InputError where there is none, or it has no weights.
    """
    if model == "mini":
        folder = MINI
    elif "://" in model and not model.startswith("file://"):
        folder = _download(Storage.at(model))
    else:
        folder = Path(model.removeprefix("file://")).expanduser()
    check_model(folder)
    return folder


def check_model(folder: Path) -> None:
    """Raises InputError unless the folder holds a pipeline whose weights are there, whole, as safetensors."""
    if not (folder / _INDEX).is_file():
        what = "no model here" if not folder.is_dir() else f"model folder has no {_INDEX}"
        raise InputError(what, str(folder), _FIX)
    weights = 0
    for component in _components(folder):
        files = sorted(component.glob("*.safetensors"))
        weights += len(files)
        if _has_parameters(component) and not files:
            raise InputError("model folder has no weights", str(component), _FIX)
        for file in files:
            try:
                with safe_open(file, "pt"):  # reads the header and compares the file's size with it
                    pass
            except (SafetensorError, OSError) as error:
                raise InputError("model weights are damaged", str(file), "Fetch the model again.") from error
    if not weights:
        raise InputError("model folder has no weights", str(folder), _FIX)


def model_digest(folder: Path) -> str:
    """SHA-256 over the files that decide what the pipeline makes: its index and its components' files."""
    digest = hashlib.sha256()
    for file in [folder / _INDEX, *_identity_files(folder)]:
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{file.relative_to(folder).as_posix()} {content}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def load_pipeline(model: Path | str, device: str, dtype: torch.dtype) -> Pipeline:
    """The pipeline in a folder (or NULL), on a device, ready to be called.

    Raises InputError where it cannot be loaded.
    """
    if model == NULL:
        from diffcxr.null_pipeline import NullPipeline

        return NullPipeline()
    import torch
    from diffusers import DiffusionPipeline
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
    folder = Path(model)
    try:
        if is_diffcxr(folder):
            from diffcxr.pipeline import DiffCXRPipeline

            # Decoded in bfloat16, a film would have fewer shades than its eight bits hold.
            dtypes = {"denoiser": dtype, "adapter": dtype, "default": torch.float32}
            pipeline = DiffCXRPipeline.from_pretrained(folder, dtype=dtypes, use_safetensors=True)
        else:
            pipeline = DiffusionPipeline.from_pretrained(
                folder,
                dtype=dtype,
                use_safetensors=True,
                local_files_only=True,
                safety_checker=None,  # it blacks out films that it takes for something else
                requires_safety_checker=False,
            )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise InputError(f"model cannot be loaded ({type(error).__name__})", str(folder), _FIX) from error
    if is_diffcxr(folder):
        pipeline.report_encoder.text_encoder()  # it lies elsewhere, and would be missed report by report
    pipeline.set_progress_bar_config(disable=True)
    loaded: Pipeline = pipeline.to(device)
    return loaded


def is_diffcxr(folder: Path) -> bool:
    """Whether the folder holds a DiffCXRPipeline."""
    name: object = _read_json(folder / _INDEX).get("_class_name")
    return name == "DiffCXRPipeline"


def _components(folder: Path) -> Iterator[Path]:
    for name, kind in sorted(_read_json(folder / _INDEX).items()):
        if isinstance(kind, list) and (folder / name).is_dir():
            yield folder / name


def _identity_files(folder: Path) -> Sequence[Path]:
    files = (file for component in _components(folder) for file in component.rglob("*"))
    return sorted(file for file in files if file.is_file() and file.suffix in _IDENTITY)


def _has_parameters(component: Path) -> bool:
    config = component / "config.json"
    return config.is_file() and ("_class_name" in _read_json(config) or "architectures" in _read_json(config))


def _read_json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("model configuration cannot be read", str(file), "Fetch the model again.") from error
    if not isinstance(found, dict):
        raise InputError("model configuration is no JSON object", str(file), "Fetch the model again.")
    return found


def _download(storage: Storage) -> Path:
    """The node's copy of a model folder, made once by whichever of its processes comes first."""
    # What its training left is no part of it, and holds films of the corpus.
    listing = [stored for stored in storage.list() if not stored.path.startswith("training/")]
    if not any(stored.path == _INDEX for stored in listing):
        raise InputError(f"model folder has no {_INDEX}", storage.uri, _FIX)
    state = "\n".join(f"{stored.path} {stored.size} {stored.modified}" for stored in listing)
    key = hashlib.sha256(f"{storage.uri}\n{state}".encode()).hexdigest()[:32]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diffcxr" / "models"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / key
    with (cache / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            arriving = Path(tempfile.mkdtemp(prefix=f"{key}-", dir=cache))
            try:
                for stored in listing:
                    file = arriving / stored.path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    with storage.open(stored.path) as source, file.open("wb") as target:
                        shutil.copyfileobj(source, target, 8 << 20)
                arriving.rename(folder)
            finally:
                shutil.rmtree(arriving, ignore_errors=True)
    return folder
