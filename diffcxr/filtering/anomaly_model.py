"""The latent anomaly model: what the films that are thought anomalous have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffcxr.filtering.distance import Distances, principal_subspace

# Shapes: n films, D inputs of the model.

_VARIANCE_FLOOR = 0.3  # keeps the whitening from blowing up directions that hold noise alone
_DISTANCE_WEIGHT = 3.0  # of the log distance beside whitened directions: the strongest single input
_INVERSE_REGULARISATION = 0.003
_FOLDS = 5


def model_inputs(distances: Distances) -> NDArray[np.float32]:
    """Inputs (n, D): coordinates along the ordinary films' principal directions, and the log distance."""
    subspace = principal_subspace(distances.standard, distances.ordinary)
    scale = np.sqrt(subspace.variances + _VARIANCE_FLOOR)
    whitened = subspace.project(distances.standard) / scale
    log_distance = _DISTANCE_WEIGHT * np.log1p(distances.squared)
    return np.concatenate([whitened, log_distance[:, None]], axis=1).astype(np.float32)


def learn_anomaly(
    inputs: NDArray[np.float32],
    scores: NDArray[np.float64],
    anomalous: NDArray[np.bool_],
    ordinary: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Log odds (n,) of being anomalous, each by a model that did not see the film itself.

    A model that had seen a wrong pseudo-label would return it, and no round could ever take it back.

    Args:
        inputs: (n, D), of `model_inputs`.
        scores: (n,), the last round's; folds are dealt in their order, so that each holds every degree of
            strangeness and no random number is drawn.
        anomalous, ordinary: (n,), the pseudo-labels; films that are neither teach nothing.
    """
    from sklearn.linear_model import LogisticRegression  # seconds, which who shows a filtering does not need

    fold = np.empty(len(scores), np.intp)
    fold[np.argsort(-scores, kind="stable")] = np.arange(len(scores)) % _FOLDS
    log_odds = np.empty(len(scores))
    for held_out in range(_FOLDS):
        taught = (anomalous | ordinary) & (fold != held_out)
        model = LogisticRegression(C=_INVERSE_REGULARISATION, class_weight="balanced", max_iter=300)
        model.fit(inputs[taught], anomalous[taught])
        log_odds[fold == held_out] = model.decision_function(inputs[fold == held_out])
    return log_odds
