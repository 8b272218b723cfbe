from __future__ import annotations

import re

import pytest

from jobs.command import main


def test_complexity_prints_the_papers_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["complexity", "profile=paper"]) == 0
    assert re.search(r"^MACs as the paper counts.* 29,640,568,832$", capsys.readouterr().out, re.MULTILINE)


def test_the_denoisers_depth_can_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["complexity", "profile=paper", "denoiser.depth=12"]) == 0
    assert " 22,802,984,960\n" in capsys.readouterr().out


def test_every_profile_can_be_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["complexity", "profile=mini"]) == 0
    assert "calls a film (20 steps, guidance 2)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("denoiser.depth=7", "depth=7 is odd: denoiser.depth. Half of the blocks mirror the rest."),
        ("profile=large", "'large' is not allowed: profile. It may be paper, mini, nano."),
    ],
)
def test_a_shape_that_is_none_is_one_line(
    override: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["complexity", "profile=paper", override]) == 2
    assert capsys.readouterr().err == f"diffcxr complexity: {said}\n"
