"""The embedded world's films: how fast they are drawn, and that their findings are seen, not read off pixels.

Films of unseen patients are scored by the shipped classifier at 128 pixels and by a linear probe (logistic
regression on the film averaged to 16x16 pixels), which learnt from films of the same world. A finding that a
linear probe reads as well as a network does is a glyph; the probe is to stay 0.10 of macro AUC below.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from benchmarks.result import at_least, parse_arguments, write_result
from cluster.models import MINI, model_digest
from diffcxr.findings import CHEXPERT_14
from diffcxr.phantom.film import draw_film
from diffcxr.phantom.study import labels, sample_study
from eval.auc import auc
from eval.downstream.classifier import FindingClassifier

LEARNT, UNSEEN = 1, 2026  # worlds: the shipped classifier's, and one without any of its patients
Films = NDArray[np.uint8]
Truth = NDArray[np.int8]


def draw(world: int, count: int) -> tuple[Films, Truth, float]:
    """Films (count, 128, 128), their labels (count, 14), and films a second on one core."""
    studies = [sample_study(world, index) for index in range(count)]
    truth = np.array([[labels(study)[name] for name in CHEXPERT_14] for study in studies], np.int8)
    started = time.process_time()
    films = np.stack([draw_film(study) for study in studies])
    return films, truth, count / (time.process_time() - started)


def aucs(scores: NDArray[np.floating], truth: Truth) -> dict[str, float]:
    """AUC of each finding over the films where it is certain."""
    return {
        name: auc(scores[truth[:, k] >= 0, k], truth[truth[:, k] >= 0, k] == 1)
        for k, name in enumerate(CHEXPERT_14)
    }


def linear_probe(train: tuple[Films, Truth], test: Films) -> NDArray[np.float64]:
    """Scores (n, 14) of a logistic regression for each finding on standardised 16x16 films."""
    small, small_test = (
        films.reshape(len(films), 16, 8, 16, 8).mean((2, 4)).reshape(len(films), 256)
        for films in (train[0], test)
    )
    scaler = StandardScaler().fit(small)
    scores = np.empty((len(test), len(CHEXPERT_14)))
    for k in range(len(CHEXPERT_14)):
        known = train[1][:, k] >= 0
        probe = LogisticRegression(C=0.01, max_iter=500).fit(
            scaler.transform(small[known]), train[1][known, k]
        )
        scores[:, k] = probe.decision_function(scaler.transform(small_test))
    return scores


def main() -> None:
    arguments = parse_arguments(__doc__ or "")
    films, truth, rate = draw(LEARNT, 3000 if arguments.quick else 20000)
    unseen, unseen_truth, _ = draw(UNSEEN, 1000 if arguments.quick else 4000)
    network = aucs(FindingClassifier.from_pretrained(MINI / "classifier").predict(unseen), unseen_truth)
    probe = aucs(linear_probe((films, truth), unseen), unseen_truth)
    macro_network, macro_probe = (float(np.mean(list(each.values()))) for each in (network, probe))
    bars = [
        at_least("films a second and core", rate, 200),
        at_least("macro AUC of the network", macro_network, 0.975),
        at_least("macro AUC, network less linear probe", macro_network - macro_probe, 0.10),
    ]
    write_result(
        "phantom",
        bars,
        arguments.output,
        films=len(films),
        unseen=len(unseen),
        worlds={"learnt": LEARNT, "unseen": UNSEEN},
        model=model_digest(MINI),
        macro_auc={"network": macro_network, "linear_probe": macro_probe},
        auc={"network": network, "linear_probe": probe},
    )


if __name__ == "__main__":
    main()
