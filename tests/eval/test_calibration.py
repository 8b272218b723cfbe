from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from eval.auc import ScoredFilms
from eval.calibration import BINS, Calibration, calibration_scores, half_values, merge, result, update
from eval.groups import groups
from eval.intervals import balanced_halves

FINDINGS = ("Edema", "Fracture", "Pneumonia")


def scored(count: int, seed: int, sharpness: float = 1.0) -> ScoredFilms:
    """Truth drawn by the probabilities that the logits say, which are then sharpened."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(count, 3)) * 2
    truth = (rng.random((count, 3)) < expit(logits)).astype(np.int8)
    truth[rng.random(truth.shape) < 0.1] = -1
    truth[:, 2] = 0
    patients = rng.integers(count // 3, size=count).astype(np.uint64)
    keys = rng.integers(2**63, size=count, dtype=np.uint64)
    return ScoredFilms((logits * sharpness).astype(np.float32), truth, patients, keys)


def by_scikit_learn(state: ScoredFilms, finding: int, films: np.ndarray | None = None) -> tuple[float, float]:
    there = state.truth[:, finding] >= 0
    if films is not None:
        there &= films
    truth, p = state.truth[there, finding], expit(state.scores[there, finding].astype(np.float64))
    shares, means = calibration_curve(truth, p, n_bins=BINS, strategy="uniform")
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], p), minlength=BINS)
    counts = counts[counts > 0]
    return float((counts * np.abs(shares - means)).sum() / counts.sum()), float(brier_score_loss(truth, p))


STATE = scored(400, 0, 1.7)
WHOLE = update(Calibration.empty(3), STATE)


def test_ece_and_brier_score_are_scikit_learn_s() -> None:
    for finding in (0, 1):
        assert result(WHOLE)[:, finding] == pytest.approx(by_scikit_learn(STATE, finding), abs=1e-12)


def test_halves_are_the_values_of_half_of_the_patients() -> None:
    found = half_values(WHOLE)
    for split, members in enumerate(balanced_halves()):
        for number, kept in enumerate((members, ~members)):
            films = kept[groups(STATE.patients)]
            expected = by_scikit_learn(STATE, 0, films)
            assert found[split, number, :, 0] == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.integers(0, 400), max_size=6), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_values_do_not_depend_on_shards_order_or_merge_tree(cuts, random) -> None:
    states = [
        update(
            Calibration.empty(3),
            ScoredFilms(STATE.scores[f], STATE.truth[f], STATE.patients[f], STATE.keys[f]),
        )
        for f in np.split(np.arange(400), sorted(cuts))
    ]
    while len(states) > 1:
        random.shuffle(states)
        states.append(merge(states.pop(), states.pop()))
    np.testing.assert_array_equal(states[0].films, WHOLE.films)
    np.testing.assert_array_equal(states[0].positive, WHOLE.positive)
    np.testing.assert_allclose(result(states[0]), result(WHOLE), rtol=1e-12)


def test_probabilities_on_an_edge_and_at_the_ends_are_in_one_bin_each() -> None:
    logits = np.array([[-np.inf], [np.inf], [0.0]], np.float32)
    state = ScoredFilms(logits, np.array([[0], [1], [1]], np.int8), *(np.arange(3, dtype=np.uint64),) * 2)
    found = update(Calibration.empty(1), state)
    assert found.films.sum((0, 1)).tolist() == [1, *[0] * 6, 1, *[0] * 6, 1]
    assert result(found)[:, 0] == pytest.approx([0.5 / 3, 0.25 / 3])


def test_sharpened_probabilities_are_worse_calibrated_and_rows_say_so() -> None:
    given = {"findings": FINDINGS, "extractor": "c", "digest": "d", "reference": "r"}
    rows = calibration_scores(scored(3000, 1, 4.0), scored(3000, 2), **given)
    assert [(row.metric, row.subset) for row in rows] == [
        (metric, subset) for metric in ("ece_label", "brier_label") for subset in ("all", "Edema", "Fracture")
    ]
    for row in rows:
        assert row.value is not None and row.low is not None and row.high is not None
        assert row.ceiling is not None and row.floor is not None
        assert row.ceiling < row.low < row.value < row.high < row.floor
    assert rows[0].findings == ("Edema", "Fracture")


def test_too_few_films_have_rows_without_values() -> None:
    few = ScoredFilms(STATE.scores[:5], STATE.truth[:5], STATE.patients[:5], STATE.keys[:5])
    rows = calibration_scores(few, few, findings=FINDINGS, extractor="c", digest="d", reference="r")
    assert [(row.metric, row.value) for row in rows] == [("ece_label", None), ("brier_label", None)]


def test_one_patient_has_neither_floor_nor_interval() -> None:
    one = replace(scored(400, 1), patients=np.zeros(400, np.uint64))
    (row, *_) = calibration_scores(one, one, findings=FINDINGS, extractor="x", digest="d", reference="r")
    assert row.value is not None
    assert (row.floor, row.low, row.high) == (None, None, None)
