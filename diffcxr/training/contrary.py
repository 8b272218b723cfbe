"""Films whose reports contradict a hint: from them the adapter learns that the hint decides."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

# Shapes: n films, B of them, F findings.

_CANDIDATES = 64
"""Films among which the least different one is looked for."""


def contrary_films(
    present_nF: NDArray[np.bool_], rows_B: NDArray[np.int64], generator: torch.Generator
) -> NDArray[np.int64]:
    """For each film another (B,) that differs in one finding, and otherwise as little as may be.

    The finding is half of the time one that the film has, else any. Of films drawn at random the one is taken
    that differs in it, and in the fewest others; where none of them does, the one that differs least.
    """
    count, findings = len(rows_B), present_nF.shape[1]
    own_BF = torch.from_numpy(present_nF[rows_B])
    has_B = own_BF.any(dim=1) & (torch.rand(count, generator=generator) < 0.5)
    chances_BF = torch.where(has_B[:, None], own_BF, True).float()
    finding_B1 = torch.multinomial(chances_BF, 1, generator=generator)

    others_BO = torch.randint(len(present_nF), (count, _CANDIDATES), generator=generator)
    differ_BOF = torch.from_numpy(present_nF[others_BO.numpy()]) != own_BF[:, None]
    in_finding_BO = differ_BOF.gather(2, finding_B1[:, None].expand(-1, _CANDIDATES, 1))[..., 0]
    distance_BO = differ_BOF.sum(dim=2) + findings * ~in_finding_BO
    nearest_B1 = distance_BO.argmin(dim=1, keepdim=True)
    return others_BO.gather(1, nearest_B1)[:, 0].numpy()
