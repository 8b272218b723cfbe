"""Random weights in the format of pytorch-fid's, for there is no network in a test."""

from __future__ import annotations

from pathlib import Path

import torch

from eval.features.inception import untrained_inception


def write_inception_weights(path: Path, seed: int = 0) -> Path:
    """A file of weights that keep activations alive down to the last pooling."""
    torch.manual_seed(seed)
    network = untrained_inception()
    for part in network.modules():
        if isinstance(part, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
    torch.save(network.state_dict(), path)
    return path
