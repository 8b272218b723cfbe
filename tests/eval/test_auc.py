import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from eval.auc import ScoredFilms, auc, macro, merge_all, result, shuffled


def films(count: int = 600, seed: int = 0, findings: int = 3, strength: float = 1.0) -> ScoredFilms:
    rng = np.random.default_rng(seed)
    truth = (rng.random((count, findings)) < 0.2).astype(np.int8)
    scores = (truth * strength + rng.normal(size=truth.shape)).round(1).astype(np.float32)  # with ties
    truth[rng.random(truth.shape) < 0.1] = -1
    keys = rng.integers(2**63, size=count, dtype=np.uint64)
    return ScoredFilms(scores, truth, rng.integers(200, size=count).astype(np.uint64), keys)


def take(state: ScoredFilms, rows: np.ndarray) -> ScoredFilms:
    return ScoredFilms(state.scores[rows], state.truth[rows], state.patients[rows], state.keys[rows])


@given(st.integers(2, 300), st.integers(0, 2**32 - 1), st.integers(0, 6))
@settings(deadline=None)
def test_auc_is_scikit_learn_s_to_twelve_digits(count: int, seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=count).round(digits).astype(np.float32)
    positive = rng.random(count) < rng.uniform(0.05, 0.95)
    positive[:2] = True, False
    assert auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


def test_saturated_scores_that_differ_in_their_last_bit_are_not_ties() -> None:
    scores = np.full(2000, 1 - 2**-24, np.float32)
    scores[1000:] = 1
    positive = np.arange(2000) >= 1000
    assert auc(scores, positive) == 1.0


@given(st.lists(st.integers(0, 600), max_size=6), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=25)
def test_result_does_not_depend_on_sharding(cuts, random) -> None:
    whole = films()
    parts = [take(whole, rows) for rows in np.split(np.arange(600), sorted(cuts))]
    random.shuffle(parts)
    merged, expected = merge_all(parts, 3), merge_all([whole], 3)
    assert result(merged) == result(expected)
    assert result(shuffled(merged)) == result(shuffled(expected))


def test_macro_mauc_is_scikit_learn_s_over_known_labels() -> None:
    state = films()
    expected = [
        roc_auc_score(truth[truth >= 0], scores[truth >= 0])
        for scores, truth in zip(state.scores.T, state.truth.T, strict=True)
    ]
    assert macro(result(state)) == pytest.approx(np.mean(expected), abs=1e-12)


def test_a_finding_with_too_few_of_a_class_is_counted_but_not_averaged() -> None:
    state = films()
    state.truth[:, 1] = 0
    state.truth[:9, 1] = 1
    first, second, third = result(state)
    assert second.value is None
    assert (second.n_positive, second.n_negative) == (9, 591)
    assert first.value is not None and third.value is not None
    assert macro([first, second, third]) == (first.value + third.value) / 2
    assert macro([second]) is None


def test_shuffled_reports_score_by_chance_and_nearly_keep_their_counts() -> None:
    state = films(count=4000, strength=4.0)
    before, after = result(state), result(shuffled(state))
    assert min(f.value for f in before if f.value is not None) > 0.95
    assert macro(after) == pytest.approx(0.5, abs=0.03)
    assert [f.n_positive for f in after] == pytest.approx([f.n_positive for f in before], rel=0.01)


@pytest.mark.parametrize("patients", [np.arange(60) % 2, np.arange(60) // 40, np.arange(60)])
def test_a_shuffled_film_has_the_report_of_another_patient(patients: np.ndarray) -> None:
    names = patients.astype(np.uint64)
    owner = patients.astype(np.int8)[:, None]  # a finding that names the patient
    keys = np.random.default_rng(0).permutation(60).astype(np.uint64)
    told = shuffled(ScoredFilms(np.zeros((60, 1), np.float32), owner, names, keys)).truth
    assert (told != owner).all() and (told >= 0).all()


def test_one_patient_alone_has_no_other_report() -> None:
    state = ScoredFilms(np.zeros((9, 1), np.float32), np.ones((9, 1), np.int8), *np.zeros((2, 9), np.uint64))
    assert (shuffled(state).truth == -1).all()


def test_an_auc_needs_both_classes() -> None:
    with pytest.raises(ValueError, match="both classes"):
        auc(np.zeros(4, np.float32), np.ones(4, bool))
