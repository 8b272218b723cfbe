from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_recall_curve

from eval.auc import ScoredFilms
from eval.f1 import choose_thresholds, f1_differences, f1_scores

FINDINGS = ("Edema", "Fracture", "Pneumonia")


def scored(count: int, seed: int, strength: float = 1.5) -> ScoredFilms:
    rng = np.random.default_rng(seed)
    truth = (rng.random((count, 3)) < 0.3).astype(np.int8)
    scores = (truth * strength + rng.normal(size=truth.shape)).round(1).astype(np.float32)  # with ties
    truth[rng.random(truth.shape) < 0.1] = -1
    truth[:, 2] = 0
    truth[:9, 2] = 1  # too few
    patients = rng.integers(count // 3, size=count).astype(np.uint64)
    return ScoredFilms(scores, truth, patients, rng.integers(2**63, size=count, dtype=np.uint64))


VALIDATION, SYNTHETIC, REAL = scored(400, 1), scored(500, 2), scored(600, 3, 3.0)
THRESHOLDS = choose_thresholds(VALIDATION)
ROWS = f1_scores(
    SYNTHETIC, REAL, THRESHOLDS, findings=FINDINGS, extractor="c", digest="d", reference="r", resamples=200
)


def known(state: ScoredFilms, finding: int) -> tuple[np.ndarray, np.ndarray]:
    there = state.truth[:, finding] >= 0
    return state.truth[there, finding], state.scores[there, finding]


def test_a_threshold_is_where_f1_is_largest_on_the_validation_films() -> None:
    for finding in (0, 1):
        truth, scores = known(VALIDATION, finding)
        precision, recall, thresholds = precision_recall_curve(truth, scores)
        f1 = (2 * precision * recall / np.maximum(precision + recall, 1e-12))[:-1]
        assert f1_score(truth, scores >= THRESHOLDS[finding]) == pytest.approx(f1.max(), abs=1e-12)
        assert THRESHOLDS[finding] in thresholds
    assert np.isnan(THRESHOLDS[2])


def test_values_are_scikit_learn_s() -> None:
    macro, micro, *each = ROWS
    expected, pooled = [], []
    for finding in (0, 1):
        truth, scores = known(SYNTHETIC, finding)
        expected.append(f1_score(truth, scores >= THRESHOLDS[finding]))
        pooled.append((truth, scores >= THRESHOLDS[finding]))
    assert [row.value for row in each] == pytest.approx([*expected, None], abs=1e-12)
    assert (macro.metric, micro.metric) == ("f1_label", "f1_label_micro")
    assert macro.value == pytest.approx(np.mean(expected), abs=1e-12)
    truth, called = (np.concatenate(part) for part in zip(*pooled, strict=True))
    assert micro.value == pytest.approx(f1_score(truth, called), abs=1e-12)


def test_rows_have_interval_floor_and_ceiling() -> None:
    for row in ROWS[:-1]:
        assert row.value is not None and row.low is not None and row.high is not None
        assert row.floor is not None and row.ceiling is not None
        assert row.floor < row.low < row.value < row.high and row.value < row.ceiling
        assert (row.n_real, row.n_synthetic) == (600, 500)
    assert (ROWS[-1].subset, ROWS[-1].value, ROWS[-1].n_positive) == ("Pneumonia", None, 9)


def test_without_thresholds_there_are_rows_and_no_values() -> None:
    rows = f1_scores(
        SYNTHETIC, REAL, np.full(3, np.nan), findings=FINDINGS, extractor="c", digest="d", reference="r"
    )
    assert [row.value for row in rows] == [None] * 5


def test_paired_f1_is_of_the_same_truth_without_a_ceiling() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(80, 2)).astype(np.float32)
    truth = (scores + rng.normal(size=(80, 2)) > 0).astype(np.int8)
    films = ScoredFilms(scores, truth, np.arange(80, dtype=np.uint64), np.arange(80, dtype=np.uint64))
    told = {"findings": ("Edema", "Fracture"), "extractor": "e", "digest": "d", "reference": "r"}
    rows = f1_scores(films, films, np.zeros(2), **told, truth="paired", resamples=20)
    assert [row.metric for row in rows] == ["f1_paired", "f1_paired_micro", "f1_paired", "f1_paired"]
    expected = f1_score(truth, scores >= 0, average="macro")
    assert rows[0].value == pytest.approx(expected, abs=1e-12)
    assert all(row.ceiling is None and row.floor is not None for row in rows)


def test_a_ceiling_is_of_the_findings_that_enough_real_films_have() -> None:
    truth = REAL.truth.copy()
    truth[:, 0] = -1
    half, none = (
        f1_scores(
            SYNTHETIC, ScoredFilms(REAL.scores, known, REAL.patients, REAL.keys), THRESHOLDS,
            findings=FINDINGS, extractor="c", digest="d", reference="r", resamples=20,
        )
        for known in (truth, np.full_like(truth, -1))
    )  # fmt: skip
    assert [row.ceiling for row in half] == [ROWS[3].ceiling, ROWS[3].ceiling, None, ROWS[3].ceiling, None]
    assert all(row.ceiling is None for row in none)


def test_one_patient_has_no_interval() -> None:
    alone = ScoredFilms(SYNTHETIC.scores, SYNTHETIC.truth, np.zeros_like(SYNTHETIC.patients), SYNTHETIC.keys)
    rows = f1_scores(alone, REAL, THRESHOLDS, findings=FINDINGS, extractor="c", digest="d", reference="r")
    assert rows[0].value is not None and rows[0].low is None


def test_one_patient_has_no_floor_and_no_difference_that_could_be_told() -> None:
    one = replace(scored(400, 1), patients=np.zeros(400, np.uint64))
    told = {"extractor": "x", "digest": "d", "reference": "r"}
    (row, *_) = f1_scores(one, one, np.zeros(len(FINDINGS)), findings=FINDINGS, **told)
    assert row.value is not None and row.floor is None
    found = f1_differences(one, one, np.zeros(len(FINDINGS)), findings=FINDINGS)
    assert found and {(one.low, one.high, one.p) for one in found.values()} == {(None, None, None)}
