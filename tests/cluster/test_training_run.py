"""A stage's run in its output: one end, and checkpoints that are whole or said not to be."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cluster.storage import Storage
from cluster.training_run import TrainingRun
from diffcxr.errors import IncompleteError, InputError


def run_of(output: str | Path) -> TrainingRun:
    return TrainingRun(Storage.at(output), "denoiser", {"seed": 0})


def weights(folder: Path, value: bytes) -> Path:
    (folder / "denoiser").mkdir(parents=True)
    (folder / "denoiser/weights").write_bytes(value)
    return folder


def test_a_second_driver_leaves_what_the_first_has_finished(uri: str, tmp_path: Path) -> None:
    first, second = run_of(uri), run_of(uri)
    first.record(step=1, loss=0.5)
    first.finish(weights(tmp_path / "first", b"first"))
    second.record(step=1, loss=0.25)
    with pytest.raises(IncompleteError, match="another driver has finished stage denoiser"):
        second.save({"step": 1})
    with pytest.raises(IncompleteError, match="another driver has finished stage denoiser"):
        second.finish(weights(tmp_path / "second", b"second"))
    output = Storage.at(uri)
    assert output.read("denoiser/weights") == b"first"
    assert TrainingRun.loss_of(output, "denoiser") == 0.5
    assert run_of(uri).load() is None


@pytest.mark.parametrize("left", [0, 100, -1])
def test_a_damaged_checkpoint_is_one_line(tmp_path: Path, left: int) -> None:
    run = run_of(tmp_path)
    run.save({"weights": torch.ones(1000)})
    path = tmp_path / "training/denoiser/checkpoint.pt"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InputError, match=r"the checkpoint cannot be read: .*checkpoint\.pt\. Delete it"):
        run_of(tmp_path).load()
