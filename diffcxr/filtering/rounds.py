"""Rounds of filtering: seeds by distance, then pseudo-labels that a model learns from and widens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffcxr.filtering.anomaly_model import learn_anomaly, model_inputs
from diffcxr.filtering.distance import ordinary_distances

# Shapes: n films, F features.

FEWEST_FILMS = 20
REMOVE = 4.0  # standard deviations of the ordinary films' scores
TEACH = 5.5  # the same: a film must be surer to teach than to go, or the model learns its own mistakes
_ORDINARY = 0.85  # share of films, lowest scores first, that the model is taught as ordinary at most
_FEWEST_SEEDS = 10  # two for each fold of the model; with fewer there is nothing to learn
_MAX_ROUNDS = 8
_ORDER_BY = 8  # features that put films in order; those that tie are copies of one film
_SETTLED = 0.02  # share of the removed films whose fate may still change in the last round


@dataclass(frozen=True, slots=True)
class Round:
    """What a round taught and did; round 0 is the distance alone."""

    round: int
    threshold: float  # a score above it removes
    seeds: int  # films that the round's model was taught as anomalous
    removed: int
    changed: int  # films that it removed or took back

    @property
    def settled(self) -> bool:
        """Of the last round: whether little was left to change; else the rounds ended by their number."""
        return self.round < _MAX_ROUNDS or self.changed <= _SETTLED * self.removed


@dataclass(frozen=True, eq=False)
class Filtering:
    """The films' scores and fates, and how they came about."""

    scores: NDArray[np.float64]  # (n,) of the last round, in standard deviations of the ordinary films
    removed: NDArray[np.bool_]  # (n,)
    since: NDArray[np.int64]  # (n,) the round from which on a film is removed; -1 where it is kept
    rounds: tuple[Round, ...]
    history: tuple[NDArray[np.float64], ...]  # (n,) scores of each round
    standard: NDArray[np.float32]  # (n, F) features in robust standard deviations of the ordinary films


def filter_features(features: NDArray[np.float32]) -> Filtering:
    """Scores of films with features (n, F), higher is stranger, and which of them to remove.

    Raises ValueError where there are fewer than 20 films: nothing can be ordinary among so few.
    """
    if len(features) < FEWEST_FILMS:
        raise ValueError(f"{len(features)} films are too few to tell the ordinary from the strange")
    # Sums in another order differ in their last bits, which decide between two clusters now and then.
    order = np.lexsort(features.T[:_ORDER_BY])
    found = _filter_in_order(features[order])
    back = np.argsort(order)
    history = tuple(scores[back] for scores in found.history)
    standard = found.standard[back]
    return Filtering(history[-1], found.removed[back], found.since[back], found.rounds, history, standard)


def _filter_in_order(features: NDArray[np.float32]) -> Filtering:
    distances = ordinary_distances(features)
    by_distance = _standard_scores(np.log1p(distances.squared), distances.ordinary)
    inputs = model_inputs(distances)
    taught = min(_ORDINARY, len(distances.ordinary) / len(features))

    scores, removed = by_distance, by_distance > REMOVE
    since = np.where(removed, 0, -1)
    rounds, history = [Round(0, REMOVE, 0, int(removed.sum()), int(removed.sum()))], [scores]
    while len(rounds) <= _MAX_ROUNDS:
        ordinary = scores <= np.quantile(scores, taught)
        anomalous = (scores > TEACH) & ~ordinary
        if anomalous.sum() < _FEWEST_SEEDS:
            break
        log_odds = learn_anomaly(inputs, scores, anomalous, ordinary)
        learnt = _standard_scores(log_odds, np.flatnonzero(ordinary))
        scores, before = (by_distance + learnt) / 2, removed
        removed = scores > REMOVE
        since = np.where(removed, np.where(before, since, len(rounds)), -1)
        changed = int((removed != before).sum())
        rounds.append(Round(len(rounds), REMOVE, int(anomalous.sum()), int(removed.sum()), changed))
        history.append(scores)
        if changed <= _SETTLED * removed.sum():
            break
    return Filtering(scores, removed, since, tuple(rounds), tuple(history), distances.standard)


def _standard_scores(values: NDArray[np.float64], rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Values (n,) in standard deviations of `rows`, from their median."""
    spread = max(float(values[rows].std()), 1e-9)  # copies of one film have none
    scores: NDArray[np.float64] = (values - np.median(values[rows])) / spread
    return scores
