"""What `diffcxr train` can be told, stage by stage."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cluster.models import MINI
from cluster.storage import Storage
from diffcxr.errors import InputError
from diffcxr.pretrained import MINILM
from jobs.options import config_group, nested, option, required

STAGES = ("autoencoder", "language", "denoiser", "adapter", "classifier")
"""Those that make a model, in their order."""

READING = ("language", "denoiser", "adapter")
"""Those that leave out films without a report text."""

ALONE = ("classifier",)
"""Those that one worker trains, however many there are."""

STAGES_ON_A_BASE = ("language", "denoiser", "adapter")
"""Those of stage=all where a base has the autoencoder."""


@dataclass(kw_only=True)
class LoopOptions:
    """How a stage is optimised."""

    steps: int = option(8_000, help="optimiser steps", min=1)
    batch_size: int = option(32, help="films a step", min=1)
    learning_rate: float = option(8e-4, help="peak learning rate of AdamW", min=0)
    final_learning_rate: float | None = option(
        None, help="where half a cosine leads it; the peak again: constant; default: a hundredth", min=0
    )
    warmup: int = option(
        500, help="steps of linear warm-up, or a tenth of all steps where that is less", min=0
    )
    betas: list[float] = option([0.9, 0.99], help="AdamW's two", min=0, max=1)
    weight_decay: float = option(0.01, help="AdamW's", min=0)
    ema: float = option(0.999, help="decay of the moving average that is kept as the weights", min=0, max=1)


@dataclass(kw_only=True)
class DiffusionOptions(LoopOptions):
    micro_batch: int | None = option(
        None, help="films at a time, where a whole batch exceeds the device's memory; divides it", min=1
    )


@dataclass(kw_only=True)
class AutoencoderOptions(LoopOptions):
    pretrained: str | None = option(
        None, help="folder of a diffusers AutoencoderKL, to be used as it is instead of training one"
    )
    steps: int = option(16_000, help="optimiser steps", min=1)
    learning_rate: float = option(1e-3, help="peak learning rate of AdamW", min=0)
    latent_channels: int = option(8, help="channels of a latent", min=1)
    width: int = option(64, help="channels at a quarter of the resolution", min=8)
    depth: int = option(2, help="residual blocks a resolution", min=1)


@dataclass(kw_only=True)
class LanguageOptions(LoopOptions):
    text_encoder: str = option(
        MINILM, help="the frozen text encoder: this one, or a transformers folder with its tokenizer"
    )
    film_encoder: str | None = option(
        None, help="transformers folder of an image backbone to begin with; default: a small one, untrained"
    )
    steps: int = option(3_000, help="optimiser steps", min=1)
    batch_size: int = option(64, help="pairs of film and report a step", min=2)
    learning_rate: float = option(1e-3, help="peak learning rate of AdamW", min=0)
    squeeze: str = option("attention", help="how a report becomes tokens", choices=("attention", "conv"))
    tokens: int = option(16, help="concise report tokens", min=1)
    width: int = option(256, help="width of a report token", min=8)
    heads: int = option(4, help="attention heads of the squeeze", min=1)


@dataclass(kw_only=True)
class DenoiserOptions(DiffusionOptions):
    width: int = option(256, help="width of a token", min=8)
    depth: int = option(6, help="U-ViT blocks beside the middle one", min=2)
    heads: int = option(4, help="attention heads", min=1)
    prediction: str = option(
        "v_prediction", help="what is predicted: velocity or noise", choices=("v_prediction", "epsilon")
    )
    drop_report: float = option(0.1, help="share of films without their report", min=0, max=1)
    balance: float = option(
        0.0, help="1: films of rare findings are drawn as often as of common ones; 0: all alike", min=0, max=1
    )
    raw_tokens: int | None = option(
        None,
        help="condition on the last so many word pieces as the text encoder has them, without stage=language",
        min=1,
    )


@dataclass(kw_only=True)
class MixOptions:
    """As diffcxr.training.adapter.AdapterMix says."""

    nothing: float = option(0.05, help="share of films with neither report nor hint", min=0, max=1)
    no_hint: float = option(0.05, help="share with the report alone", min=0, max=1)
    no_report: float = option(0.1, help="share with the hint alone", min=0, max=1)
    contrary_report: float = option(
        0.15, help="share with a report that says one to three findings of the film otherwise", min=0, max=1
    )
    contrary_hint: float = option(
        0.45,
        help="share with a hint that says one to three findings otherwise; 0 by target=film",
        min=0,
        max=1,
    )


@dataclass(kw_only=True)
class AdapterOptions(DiffusionOptions):
    start: str = option(
        "denoiser",
        help="what it starts from: a copy of the denoiser, or the base's adapter, which learns on",
        choices=("denoiser", "base"),
    )
    steps: int = option(4_000, help="optimiser steps", min=1)
    learning_rate: float = option(4e-4, help="peak learning rate of AdamW", min=0)
    mix: MixOptions = nested(MixOptions)
    balance: float = option(
        1.0, help="1: films of rare findings are drawn as often as of common ones; 0: all alike", min=0, max=1
    )
    times: str = option(
        "middle",
        help="times of diffusion: all alike, or more often those at which findings take shape",
        choices=("uniform", "middle"),
    )
    target: str = option(
        "denoiser",
        help="what it is to predict: the film's noise, or what the denoiser by itself predicts where a "
        "report says what the hint says, by which it learns much faster, but no more than that knows",
        choices=("film", "denoiser"),
    )


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
        None,
        help="model folder or URI, or mini, whose autoencoder stage=filter looks through; "
        "default: that of base, or mini",
    )


@dataclass(kw_only=True)
class Config:
    """Train a stage on a corpus of films; the same command again goes on from the last checkpoint."""

    stage: str = required(help="what to train", choices=("filter", *STAGES, "all"))
    data: str = required(help="URI of a corpus with films")
    output: str = required(help="URI of the model folder to write")
    profile: str = config_group(
        "profile",
        default="mini",
        help="values of the other options to begin with. mini: the shipped model's, the defaults below; "
        "nano: a small model for ablations, on mini's autoencoder; paper: Diff-CXR's, for films of patients",
    )
    base: str | None = option(
        None,
        help="model folder or URI, or mini, whose parts are taken where the output has not trained its own; "
        "stage=all is then language, denoiser and adapter",
    )
    split: str | None = option("train", help="which rows to train on; null: all, as stage=filter always does")
    views: list[str] = option(
        [],
        help="train on films of these views alone, or score them by stage=filter; []: all",
        choices=("PA", "AP", "LATERAL"),
    )
    size: int = option(128, help="pixels a side; other films are resized", min=32)
    seed: int = option(0, help="seed of weights, batches and noise", min=0)
    checkpoint_every: float = option(
        120.0, help="fewest seconds between checkpoints, which are taken at every fiftieth step", min=1
    )
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


def stages_of(config: Config) -> tuple[str, ...]:
    """The stages that the config asks for, in their order; not for stage=filter."""
    if config.stage != "all":
        return (config.stage,)
    return STAGES_ON_A_BASE if config.base else STAGES


def with_absolute_paths(config: Config) -> Config:
    """The same in any folder, and so in training workers, whose current one is another."""
    text, film = config.language.text_encoder, config.language.film_encoder
    language = replace(
        config.language,
        text_encoder=text if text == MINILM else _absolute(text),
        film_encoder=film and _absolute(film),
    )
    pretrained = config.autoencoder.pretrained
    autoencoder = replace(config.autoencoder, pretrained=pretrained and _absolute(pretrained))
    name, seen_through = config.filter.name, _model(config.filter.autoencoder)
    return replace(
        config,
        data=Storage.at(config.data).uri,
        output=Storage.at(config.output).uri,
        base=_model(config.base),
        filter=replace(config.filter, name=name and Storage.at(name).uri, autoencoder=seen_through),
        language=language,
        autoencoder=autoencoder,
    )


def _model(name: str | None) -> str | None:
    """The URI of a model by what a person calls it."""
    return name and Storage.at(MINI if name == "mini" else name).uri


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().resolve())


def check_config(config: Config) -> None:
    """Raises InputError for what a stage cannot be built or asked, before hours of training lead there."""
    denoiser, stages = config.denoiser, stages_of(config)
    if config.size % 8:
        fix = "The autoencoder halves it three times."
        raise InputError(f"size={config.size} is no multiple of 8", "size", fix)
    if "autoencoder" in stages and not config.autoencoder.pretrained and config.autoencoder.width % 8:
        fix = "Channels are normalised in eight groups."
        what = f"width={config.autoencoder.width} is no multiple of 8"
        raise InputError(what, "autoencoder.width", fix)
    if "denoiser" in stages:
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
        if denoiser.width % 2:
            fix = "Half of a time's embedding are sines, half cosines."
            raise InputError(f"width={denoiser.width} is odd", "denoiser.width", fix)
    if "language" in stages and "denoiser" in stages and denoiser.raw_tokens:
        what = "raw word pieces take the place of what stage=language trains"
        raise InputError(what, "denoiser.raw_tokens", "Train stage=denoiser by itself.")
    attention = "language" in stages and config.language.squeeze == "attention"
    if attention and config.language.width % config.language.heads:
        fix = "Each head takes an equal share of the width."
        what = f"width={config.language.width} is no multiple of heads={config.language.heads}"
        raise InputError(what, "language.width", fix)
    share = config.language.batch_size // config.workers
    if "language" in stages and share < 2:
        what = f"a worker's share of batch_size={config.language.batch_size} is {share} pair"
        raise InputError(what, "language.batch_size", "A report is told from the others of its share.")
    if "adapter" in stages and config.adapter.start == "base" and not (config.base and len(stages) == 1):
        fix = "Give stage=adapter and base=URI, or leave it out."
        raise InputError("only the adapter of a base learns on, with its denoiser", "adapter.start", fix)
    for stage in stages:
        _check_loop(stage, getattr(config, stage, None), config.workers)
    if config.stage == "filter" and config.filter.name:
        raise InputError("stage=filter takes no filter", "filter", "It scores removed films too.")
    if config.filter.autoencoder and config.stage != "filter":
        raise InputError("only stage=filter reads it", "filter.autoencoder", "Leave it out.")


def _check_loop(stage: str, options: object, workers: int) -> None:
    batch_size, workers = getattr(options, "batch_size", 0), 1 if stage in ALONE else workers
    if batch_size % workers:
        what = f"batch_size={batch_size} is no multiple of workers={workers}"
        raise InputError(what, f"{stage}.batch_size", "Each worker takes an equal share of the batch.")
    if isinstance(options, LoopOptions) and (len(options.betas) != 2 or max(options.betas) >= 1):
        raise InputError(f"{options.betas} are no betas", f"{stage}.betas", "AdamW takes two below 1.")
    share = batch_size // workers
    if isinstance(options, DiffusionOptions) and share % (options.micro_batch or 1):
        what = f"a worker's {share} films are no multiple of micro_batch={options.micro_batch}"
        raise InputError(what, f"{stage}.micro_batch", "Its share of the batch is whole parts.")
    if isinstance(options, AdapterOptions) and sum(asdict(options.mix).values()) > 1 + 1e-9:
        fix = "The rest is report and hint together."
        raise InputError("the shares exceed 1", f"{stage}.mix", fix)
    if isinstance(options, AdapterOptions) and options.target == "film" and options.mix.contrary_hint:
        what = "target=film has no film of what a contrary hint says"
        raise InputError(what, f"{stage}.mix.contrary_hint", "Set it to 0, or target=denoiser.")
