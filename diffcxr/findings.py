"""The vocabulary of findings: CheXpert's fourteen and the eleven that the Diff-CXR paper uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

FindingName = Literal[
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Lesion",
    "Lung Opacity",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
]

CHEXPERT_14: tuple[FindingName, ...] = get_args(FindingName)
"""CheXpert's labels in CheXpert's order and spelling (Irvin et al., AAAI 2019, table 1)."""

DIFFCXR_11: tuple[FindingName, ...] = tuple(
    name for name in CHEXPERT_14 if name not in ("No Finding", "Pleural Other", "Support Devices")
)
"""The labels of Diff-CXR's hints and of LLM-CXR's mAUC."""

POSITIVE, NEGATIVE, UNCERTAIN = 1, 0, -1
"""Label values as CheXpert writes them; an unmentioned finding is None."""

Labels = dict[FindingName, int | None]
"""Every one of CHEXPERT_14 -> POSITIVE, NEGATIVE, UNCERTAIN or None (unmentioned)."""


def truth_of(labels: Sequence[Mapping[str, int | None] | None], findings: Sequence[str]) -> NDArray[np.int8]:
    """Labels (n, findings): 1, 0 (unmentioned too), -1 for uncertain and for films without labels."""
    known = [
        [row.get(name) or NEGATIVE for name in findings] if row is not None else [UNCERTAIN] * len(findings)
        for row in labels
    ]
    return np.array(known, np.int8).reshape(len(labels), len(findings))
