"""The parts that a stage builds on: the output's own where it has trained them, else those of the base."""

from __future__ import annotations

from pathlib import Path

from cluster.model_parts import part_digest, read_config
from cluster.storage import Storage
from cluster.training_run import TrainingRun
from diffcxr.errors import InputError, RefusedError
from diffcxr.pretrained import (
    AUTOENCODER_FIX,
    BACKBONE_FIX,
    MINILM,
    TEXT_ENCODER_FIX,
    weights_digest,
)
from jobs.training_config import Config, stages_of

PATHS = ("pretrained", "text_encoder", "film_encoder")
"""Options that say where weights of others lie; what they are is said by their digests."""

_STAGE_OF = {"autoencoder": "autoencoder", "report_encoder": "language", "denoiser": "denoiser"}


def part_source(config: Config, part: str) -> Storage:
    """The model folder that a part is taken from."""
    output = Storage.at(config.output)
    if config.base is None or TrainingRun.begun(output, _STAGE_OF[part]):
        return output
    return Storage.at(config.base)


def pipeline_source(config: Config) -> Storage:
    """The folder of the denoiser and of the parts that it was trained on.

    Raises RefusedError where the output has trained one of these since, which that denoiser does not know.
    """
    output, source = Storage.at(config.output), part_source(config, "denoiser")
    for part in ("autoencoder", "report_encoder"):
        stage = _STAGE_OF[part]
        if source != output and TrainingRun.begun(output, stage):
            what = f"the output holds stage {stage}, and {source.uri} a denoiser trained with another"
            raise RefusedError(what, output.uri, "Train stage=denoiser first, or choose a new output.")
    return source


def begun_adapter_source(config: Config) -> Storage:
    """The base, whose adapter learns on. RefusedError where the output has another denoiser."""
    output, base = Storage.at(config.output), Storage.at(str(config.base))
    if pipeline_source(config) != base:
        what = f"the output holds stage denoiser, and {base.uri} an adapter trained with another"
        raise RefusedError(what, output.uri, "Leave out adapter.start=base, or choose a new output.")
    return base


def stage_parts(config: Config, stage: str) -> dict[str, str]:
    """Digests of what a stage builds on, the model's and that of others.

    Raises InputError where it is missing, or of films of another size.
    """
    sources: dict[str, Storage] = {}
    if stage == "denoiser":
        parts = ("autoencoder",) if config.denoiser.raw_tokens else ("autoencoder", "report_encoder")
        sources = {part: part_source(config, part) for part in parts}
    elif stage == "adapter":
        sources = dict.fromkeys(_STAGE_OF, pipeline_source(config))
        if config.adapter.start == "base":
            sources["adapter"] = begun_adapter_source(config)
    digests = {part: part_digest(source, part, fix_for(part)) for part, source in sources.items()}
    if stage == "adapter":
        _check_size(config, sources["denoiser"])
    return digests | _weights_of_others(config, stage)


def _check_size(config: Config, source: Storage) -> None:
    """Raises InputError where films are not of the size that the denoiser in `source` was trained for."""
    size = 8 * read_config(source, "denoiser", fix_for("denoiser"))["latent_size"]
    if config.size != size:
        what = f"size={config.size}, and the denoiser in {source.uri} is of size={size}"
        raise InputError(what, "size", f"Set size={size}, or train another denoiser.")


def check_weights(config: Config) -> None:
    """Raises InputError where weights of others are missing for any of the stages to come."""
    for stage in stages_of(config):
        _weights_of_others(config, stage)


def _weights_of_others(config: Config, stage: str) -> dict[str, str]:
    autoencoder, text, film = (
        config.autoencoder.pretrained,
        config.language.text_encoder,
        config.language.film_encoder,
    )
    found: dict[str, str] = {}
    if stage == "autoencoder" and autoencoder:
        fix = _by_option(AUTOENCODER_FIX, "autoencoder.pretrained")
        found["pretrained"] = weights_digest(Path(autoencoder), "autoencoder", fix)
    reads = stage == "language" or (stage == "denoiser" and config.denoiser.raw_tokens is not None)
    if reads and text != MINILM:
        fix = _by_option(TEXT_ENCODER_FIX, "language.text_encoder")
        found["text_encoder"] = weights_digest(Path(text), "text encoder", fix)
    if stage == "language" and film:
        fix = _by_option(BACKBONE_FIX, "language.film_encoder")
        found["film_encoder"] = weights_digest(Path(film), "image backbone", fix)
    return found


def _by_option(fix: str, key: str) -> str:
    return f"{fix.removesuffix('.')} by {key}=PATH."


def fix_for(part: str) -> str:
    """What to do where a part is missing."""
    if part == "adapter":
        return "Name a model that has one by base=URI, or leave out adapter.start=base."
    return f"Train stage={_STAGE_OF[part]} first, or name a model that has it by base=URI."
