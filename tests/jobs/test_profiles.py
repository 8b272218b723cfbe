"""The profiles of `diffcxr train`: sets of option values that lead to the shapes of `diffcxr.profile`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from operator import attrgetter
from pathlib import Path

import pytest
import torch

from diffcxr.profile import PROFILES
from jobs.command import main
from jobs.options import GROUPS, options_of
from jobs.overrides import compose_config
from jobs.training_config import STAGES, STAGES_ON_A_BASE, Config, check_config, stages_of
from tests.weights_of_others import write_autoencoder, write_text_encoder

NAMES = sorted(file.stem for file in (GROUPS / "profile").glob("*.yaml"))


def composed(*overrides: str) -> Config:
    return compose_config("train", Config, ["stage=all", "data=d", "output=o", *overrides])


def test_the_profiles_are_those_that_complexity_counts() -> None:
    assert sorted(PROFILES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_trains_the_shape_that_complexity_counts(name: str) -> None:
    config, shape = composed(f"profile={name}"), PROFILES[name]
    assert (config.profile, config.size) == (name, shape.size)
    denoiser, language = config.denoiser, config.language
    assert (denoiser.width, denoiser.depth, denoiser.heads) == (shape.width, shape.depth, shape.heads)
    assert (language.tokens, language.width) == (shape.context_tokens, shape.context_width)
    assert language.squeeze == shape.squeeze
    with torch.device("meta"):
        report_encoder, autoencoder = shape.report_encoder(), shape.autoencoder()
    if language.squeeze == "attention":
        assert language.heads == report_encoder.config.heads
    assert autoencoder.config["latent_channels"] == shape.latent_channels
    if config.autoencoder.pretrained is None:
        trained = config.autoencoder
        assert (trained.latent_channels, trained.width, trained.depth) == (
            autoencoder.config["latent_channels"],
            autoencoder.config["width"],
            autoencoder.config["depth"],
        )


@pytest.mark.parametrize("name", NAMES)
def test_the_values_of_a_profile_are_allowed(name: str) -> None:
    config = composed(f"profile={name}")
    for option in options_of(Config):
        option.check(attrgetter(option.key)(config))
    check_config(config)


def test_the_mini_profile_is_the_default_and_the_options_own_values() -> None:
    config = composed()
    assert config == composed("profile=mini")
    for option in options_of(Config):
        if not option.required:
            assert attrgetter(option.key)(config) == option.default, option.key


def test_the_paper_profile_is_the_releases_recipe() -> None:
    config = composed("profile=paper")
    for stage in (config.denoiser, config.adapter):
        assert (stage.batch_size, stage.learning_rate, stage.final_learning_rate) == (512, 2e-4, 2e-4)
        assert (stage.betas, stage.weight_decay) == ([0.9, 0.9], 0.03)
        assert (stage.warmup, stage.ema) == (5000, 0.9999)
        assert stage.steps >= 10 * stage.warmup  # else the warm-up would be shorter
    assert (config.denoiser.prediction, config.denoiser.drop_report) == ("epsilon", 0.1)
    mix = config.adapter.mix
    assert asdict(mix) == {
        "nothing": 0.1, "no_hint": 0, "no_report": 0, "contrary_report": 0, "contrary_hint": 0
    }  # fmt: skip
    assert (config.adapter.balance, config.adapter.times) == (0, "uniform")
    language = config.language
    assert (language.batch_size, language.learning_rate, language.final_learning_rate) == (128, 1e-5, 1e-6)


def test_what_a_person_gives_wins_over_the_profile_wherever_it_stands() -> None:
    for order in (["profile=nano", "denoiser.width=64"], ["denoiser.width=64", "profile=nano"]):
        config = composed(*order)
        assert (config.denoiser.width, config.denoiser.depth) == (64, 4)
    assert composed("profile=nano", "base=null").base is None


def test_a_base_has_the_autoencoder() -> None:
    assert stages_of(composed("profile=nano")) == STAGES_ON_A_BASE
    assert stages_of(composed("profile=nano", "base=null")) == STAGES
    assert stages_of(compose_config("train", Config, ["stage=language", "data=d", "output=o"])) == (
        "language",
    )


def test_an_unknown_profile_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "stage=all", "data=d", "output=o", "profile=large"]) == 2
    said = "diffcxr train: 'large' is not allowed: profile. It may be mini, nano, paper.\n"
    assert capsys.readouterr().err == said


def test_help_says_what_each_profile_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("  profile "))
    assert all(f"{name}:" in line for name in NAMES)


def test_missing_weights_of_others_are_one_line_with_the_option_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    job = ["train", "profile=paper", "stage=all", "data=d", "output=o"]
    text = Path("weights/biomedclip/text")
    for what, key, write in (
        ("autoencoder", "autoencoder.pretrained", partial(write_autoencoder, Path("weights/kl-f8"))),
        ("text encoder", "language.text_encoder", partial(write_text_encoder, text)),
        ("image backbone", "language.film_encoder", None),
    ):
        assert main(job) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"diffcxr train: no {what} here: {tmp_path}/weights/")
        assert said.endswith(f" by {key}=PATH.\n") and said.count("\n") == 1
        if write:
            write()
            capsys.readouterr()  # its progress
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            "autoencoder.width=100",
            "width=100 is no multiple of 8: autoencoder.width. Channels are normalised in eight groups.",
        ),
        (
            "denoiser.width=33 denoiser.heads=3",
            "width=33 is odd: denoiser.width. Half of a time's embedding are sines, half cosines.",
        ),
        ("denoiser.betas=[0.9]", "[0.9] are no betas: denoiser.betas. AdamW takes two below 1."),
        (
            "denoiser.micro_batch=5",
            "a worker's 32 films are no multiple of micro_batch=5: denoiser.micro_batch. "
            "Its share of the batch is whole parts.",
        ),
        (
            "adapter.mix.nothing=0.9",
            "the shares exceed 1: adapter.mix. The rest is report and hint together.",
        ),
        (
            "adapter.target=film",
            "target=film has no film of what a contrary hint says: adapter.mix.contrary_hint. "
            "Set it to 0, or target=denoiser.",
        ),
        (
            "adapter.start=base base=b",
            "only the adapter of a base learns on, with its denoiser: adapter.start. "
            "Give stage=adapter and base=URI, or leave it out.",
        ),
    ],
)
def test_recipes_that_cannot_be_are_one_line(
    wrong: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "stage=all", "data=d", "output=o", *wrong.split()]) == 2
    assert capsys.readouterr().err == f"diffcxr train: {said}\n"
