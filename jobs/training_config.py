"""What `diffcxr train` can be told, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.storage import Storage
from cluster.training_run import TrainingRun
from diffcxr.errors import InputError
from jobs.options import nested, option, required

STAGES = ("autoencoder", "language", "denoiser", "adapter", "classifier")
"""Those that make a model, in their order."""

ALONE = ("classifier",)
"""Those that one worker trains, however many there are."""


@dataclass(kw_only=True)
class AutoencoderOptions:
    steps: int = option(16_000, help="optimiser steps", min=1)
    batch_size: int = option(32, help="films a step", min=1)
    learning_rate: float = option(1e-3, help="peak learning rate of AdamW", min=0)
    latent_channels: int = option(8, help="channels of a latent", min=1)
    width: int = option(64, help="channels at a quarter of the resolution", min=8)
    depth: int = option(2, help="residual blocks a resolution", min=1)


@dataclass(kw_only=True)
class LanguageOptions:
    steps: int = option(3_000, help="optimiser steps", min=1)
    batch_size: int = option(64, help="pairs of film and report a step", min=2)
    learning_rate: float = option(1e-3, help="peak learning rate of AdamW", min=0)
    squeeze: str = option("attention", help="how a report becomes tokens", choices=("attention", "conv"))
    tokens: int = option(16, help="concise report tokens", min=1)
    width: int = option(256, help="width of a report token", min=8)
    heads: int = option(4, help="attention heads of the squeeze", min=1)


@dataclass(kw_only=True)
class DenoiserOptions:
    steps: int = option(8_000, help="optimiser steps", min=1)
    batch_size: int = option(32, help="films a step", min=1)
    learning_rate: float = option(8e-4, help="peak learning rate of AdamW", min=0)
    width: int = option(256, help="width of a token", min=8)
    depth: int = option(6, help="U-ViT blocks beside the middle one", min=2)
    heads: int = option(4, help="attention heads", min=1)
    raw_tokens: int | None = option(
        None,
        help="condition on the last so many word pieces as the text encoder has them, without stage=language",
        min=1,
    )


@dataclass(kw_only=True)
class AdapterOptions:
    steps: int = option(4_000, help="optimiser steps", min=1)
    batch_size: int = option(32, help="films a step", min=1)
    learning_rate: float = option(4e-4, help="peak learning rate of AdamW", min=0)


@dataclass(kw_only=True)
class ClassifierOptions:
    epochs: int = option(12, help="passes over the films", min=1)
    batch_size: int = option(64, help="films a step", min=2)
    learning_rate: float = option(2e-3, help="peak learning rate of AdamW", min=0)


@dataclass(kw_only=True)
class FilterOptions:
    name: str | None = option(
        None, help="URI of a finished stage=filter, whose removed films the other stages leave out"
    )
    autoencoder: str | None = option(
        None, help="model folder or URI whose autoencoder stage=filter looks through; default: mini"
    )


@dataclass(kw_only=True)
class Config:
    """Train a stage on a corpus of films; the same command again goes on from the last checkpoint."""

    stage: str = required(help="what to train", choices=("filter", *STAGES, "all"))
    data: str = required(help="URI of a corpus with films")
    output: str = required(help="URI of the model folder to write")
    base: str | None = option(
        None, help="model folder or URI whose parts are built on where the output has not trained its own"
    )
    split: str | None = option("train", help="which rows to train on; null: all, as stage=filter always does")
    size: int = option(128, help="pixels a side; other films are resized", min=32)
    seed: int = option(0, help="seed of weights, batches and noise", min=0)
    checkpoint_every: float = option(120.0, help="seconds between checkpoints", min=1)
    workers: int = option(1, help="processes that train together, each on its share of a batch", min=1)
    threads: int | None = option(
        None, help="cores of each worker; default: they share those of the cluster", min=1
    )
    device: str = option(
        "auto",
        help="where workers train; auto: a GPU each where there are any",
        choices=("auto", "cpu", "cuda"),
    )
    address: str | None = option(None, help="a Ray cluster's; null: RAY_ADDRESS, else a private one here")
    filter: FilterOptions = nested(FilterOptions, help="stage=filter, and its result")
    autoencoder: AutoencoderOptions = nested(AutoencoderOptions, help="stage=autoencoder")
    language: LanguageOptions = nested(LanguageOptions, help="stage=language")
    denoiser: DenoiserOptions = nested(DenoiserOptions, help="stage=denoiser")
    adapter: AdapterOptions = nested(AdapterOptions, help="stage=adapter")
    classifier: ClassifierOptions = nested(ClassifierOptions, help="stage=classifier")


_TRAINED_BY = {"autoencoder": "autoencoder", "report_encoder": "language", "denoiser": "denoiser"}


def model_with(config: Config, part: str) -> Storage:
    """The model folder whose `part` a stage builds on: the output, unless `base` has it from elsewhere."""
    output = Storage.at(config.output)
    if config.base is None or TrainingRun.begun(output, _TRAINED_BY[part]):
        return output
    return Storage.at(config.base)


def check_config(config: Config) -> None:
    """Raises InputError for what a stage cannot be built or asked, before hours of training lead there."""
    denoiser = config.denoiser
    if config.size % 8:
        fix = "The autoencoder halves it three times."
        raise InputError(f"size={config.size} is no multiple of 8", "size", fix)
    if config.stage in ("denoiser", "all"):
        if config.size % 16:
            fix = "A patch of the denoiser has 16 pixels a side."
            raise InputError(f"size={config.size} is no multiple of 16", "size", fix)
        if denoiser.depth % 2:
            raise InputError(
                f"depth={denoiser.depth} is odd", "denoiser.depth", "Half of the blocks mirror the rest."
            )
        if denoiser.width % denoiser.heads:
            fix = "Each head takes an equal share of the width."
            raise InputError(
                f"width={denoiser.width} is no multiple of heads={denoiser.heads}", "denoiser.width", fix
            )
    if config.stage in ("language", "all") and config.language.width % config.language.heads:
        fix = "Each head takes an equal share of the width."
        what = f"width={config.language.width} is no multiple of heads={config.language.heads}"
        raise InputError(what, "language.width", fix)
    for stage in STAGES if config.stage == "all" else (config.stage,):
        batch_size = getattr(getattr(config, stage), "batch_size", 0)
        if stage not in ALONE and batch_size % config.workers:
            fix = "Each worker takes an equal share of the batch."
            what = f"batch_size={batch_size} is no multiple of workers={config.workers}"
            raise InputError(what, f"{stage}.batch_size", fix)
    if config.base and config.stage not in ("denoiser", "adapter"):
        raise InputError("only stages denoiser and adapter read it", "base", "Leave it out.")
    if config.stage == "filter" and config.filter.name:
        raise InputError("stage=filter takes no filter", "filter", "It always scores the whole corpus.")
    if config.filter.autoencoder and config.stage != "filter":
        raise InputError("only stage=filter reads it", "filter.autoencoder", "Leave it out.")
