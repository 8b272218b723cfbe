import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from eval.auc import ScoredFilms
from eval.mauc import mauc_scores

FINDINGS = ("Edema", "Fracture", "Support Devices", "Pneumonia")


def scored(count: int, strength: float, seed: int) -> ScoredFilms:
    rng = np.random.default_rng(seed)
    truth = (rng.random((count, 4)) < 0.3).astype(np.int8)
    scores = (truth * strength + rng.normal(size=truth.shape)).astype(np.float32)
    truth[:, 3] = 0  # never positive
    truth[:9, 3] = 1
    keys = rng.integers(2**63, size=count, dtype=np.uint64)
    return ScoredFilms(scores, truth, rng.integers(count // 2, size=count).astype(np.uint64), keys)


SYNTHETIC, REAL = scored(500, 1.0, 1), scored(900, 3.0, 2)
ROWS = mauc_scores(
    SYNTHETIC, REAL, findings=FINDINGS, extractor="c", digest="d", reference="labels", resamples=100
)
SCORES = {score.subset: score for score in ROWS if score.metric == "mauc_label"}
MEANS = {score.metric: score for score in ROWS if score.subset == "all"}


def test_means_are_scikit_learn_s_over_the_findings_they_list() -> None:
    aucs = [roc_auc_score(SYNTHETIC.truth[:, k], SYNTHETIC.scores[:, k]) for k in range(3)]
    assert SCORES["all"].value == pytest.approx(np.mean(aucs), abs=1e-12)
    assert SCORES["all"].findings == ("Edema", "Fracture", "Support Devices")
    assert SCORES["diffcxr_11"].value == pytest.approx(np.mean(aucs[:2]), abs=1e-12)
    assert SCORES["diffcxr_11"].findings == ("Edema", "Fracture")


def test_floor_is_chance_and_ceiling_is_the_real_films() -> None:
    every = SCORES["all"]
    assert every.floor == pytest.approx(0.5, abs=0.04)
    expected = np.mean([roc_auc_score(REAL.truth[:, k], REAL.scores[:, k]) for k in range(3)])
    assert every.ceiling == pytest.approx(expected, abs=1e-12)
    assert every.value is not None and every.low is not None and every.high is not None
    assert every.floor < every.low < every.value < every.high < every.ceiling


def test_a_finding_with_too_few_films_has_a_row_and_no_value() -> None:
    rare = SCORES["Pneumonia"]
    assert (rare.value, rare.low, rare.high, rare.n_positive) == (None, None, None, 9)
    assert SCORES["Edema"].n_positive == int(SYNTHETIC.truth[:, 0].sum())
    assert (rare.n_real, rare.n_synthetic) == (900, 500)


@pytest.mark.parametrize("average", ["micro", "weighted"])
def test_micro_and_weighted_means_are_scikit_learn_s(average: str) -> None:
    score = MEANS[f"mauc_label_{average}"]
    expected = roc_auc_score(SYNTHETIC.truth[:, :3], SYNTHETIC.scores[:, :3], average=average)
    assert score.value == pytest.approx(expected, abs=1e-12)
    ceiling = roc_auc_score(REAL.truth[:, :3], REAL.scores[:, :3], average=average)
    assert score.ceiling == pytest.approx(ceiling, abs=1e-12)
    assert score.floor == pytest.approx(0.5, abs=0.04)
    assert score.low is not None and score.high is not None and score.value is not None
    assert score.floor < score.low < score.value < score.high < score.ceiling
    assert score.findings == SCORES["all"].findings


def test_unknown_labels_have_no_part_in_a_micro_mean() -> None:
    truth = SYNTHETIC.truth.copy()
    truth[::3, :2] = -1
    state = ScoredFilms(SYNTHETIC.scores, truth, SYNTHETIC.patients, SYNTHETIC.keys)
    rows = mauc_scores(state, REAL, findings=FINDINGS, extractor="c", digest="d", reference="", resamples=2)
    (micro,) = (row for row in rows if row.metric == "mauc_label_micro")
    known = truth[:, :3] >= 0
    expected = roc_auc_score(truth[:, :3][known], SYNTHETIC.scores[:, :3][known])
    assert micro.value == pytest.approx(expected, abs=1e-12)


def test_paired_rows_have_no_ceiling_for_the_real_films_are_the_truth() -> None:
    rows = mauc_scores(
        SYNTHETIC,
        REAL,
        findings=FINDINGS,
        extractor="c",
        digest="d",
        reference="",
        truth="paired",
        resamples=9,
    )
    assert {row.metric for row in rows} == {"mauc_paired", "mauc_paired_weighted", "mauc_paired_micro"}
    assert {row.ceiling for row in rows} == {None}
    assert rows[0].value == SCORES["all"].value and rows[0].floor == SCORES["all"].floor


def test_a_mean_over_no_finding_has_no_value() -> None:
    few = ScoredFilms(
        *(part[:9] for part in (SYNTHETIC.scores, SYNTHETIC.truth, SYNTHETIC.patients)), SYNTHETIC.keys[:9]
    )
    rows = mauc_scores(few, REAL, findings=FINDINGS, extractor="c", digest="d", reference="", resamples=9)
    assert {(row.value, row.low, row.high) for row in rows} == {(None, None, None)}
