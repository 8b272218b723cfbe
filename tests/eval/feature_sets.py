"""Features as networks make them, and as they make them only now and then."""

from __future__ import annotations

import numpy as np

from eval.feature_rows import FeatureRows
from eval.groups import film_keys, patient_hashes

AWKWARD = ("usual", "far from the origin", "few", "duplicated", "one constant", "all constant")


def awkward(kind: str, dimension: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Real and synthetic features (n, d), float32, of a kind that is named in AWKWARD."""
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(300, dimension)), rng.normal(size=(300, dimension)) * 0.9 + 0.2
    if kind == "far from the origin":
        real, synthetic = 30 + 0.05 * real, 30 + 0.05 * synthetic
    if kind == "few":
        real, synthetic = real[: dimension // 2], synthetic[: dimension // 2]
    if kind == "duplicated":
        real[150:], synthetic[:100], synthetic[200:] = real[:150], real[:100], synthetic[100:200]
    if kind == "one constant":
        real[:, 0] = synthetic[:, 0] = 7
    if kind == "all constant":
        real[:] = synthetic[:] = 3
    return real.astype(np.float32), synthetic.astype(np.float32)


def rows(features: np.ndarray, name: str = "r", films_a_patient: int = 2) -> FeatureRows:
    """Those features as films of patients named after `name`."""
    reports = [f"{name}{i}" for i in range(len(features))]
    patients = patient_hashes([f"{name}p{i // films_a_patient}" for i in range(len(features))], reports)
    return FeatureRows(features, patients, film_keys(reports, [0] * len(features)))
