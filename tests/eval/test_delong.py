import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from eval.auc import ScoredFilms
from eval.delong import AUCs, compare, delong, difference

# Three tests of 43 patients with ovarian cancer (DeLong, DeLong and Clarke-Pearson 1988), as SAS/STAT's
# documentation of PROC LOGISTIC has them, "Comparing Receiver Operating Characteristic Curves": albumin,
# total protein, K-G score, and whether the patient would benefit from surgery.
_TABLE = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1
3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0
2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1
3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0
3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1
3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""
PATIENTS = np.array(_TABLE.split(), np.float64).reshape(-1, 4)
ALBUMIN, PROTEIN, K_G = 0, 1, 2


def ovarian() -> AUCs:
    scores = PATIENTS[:, :3] * [1, 1, -1]  # a low K-G score is a good sign
    return delong(scores, PATIENTS[:, 3] == 1, np.arange(len(PATIENTS), dtype=np.uint64))


def test_the_published_areas_and_standard_errors_come_out() -> None:
    found = ovarian()
    assert found.values == pytest.approx([0.7366, 0.6478, 0.7258], abs=5e-5)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx([0.0927, 0.1000, 0.1028], abs=5e-5)


@pytest.mark.parametrize(
    ("test", "value", "error", "p"), [(ALBUMIN, 0.0108, 0.0953, 0.9102), (PROTEIN, -0.0780, 0.1046, 0.4561)]
)
def test_the_published_comparisons_with_the_k_g_score_come_out(test, value, error, p) -> None:
    found, pair = ovarian(), np.ix_([test, K_G], [test, K_G])
    compared = difference(AUCs(found.values[[test, K_G]], found.covariance[pair]))
    assert compared.value == pytest.approx(value, abs=5e-5)
    assert (compared.high - compared.low) / 2 / 1.959964 == pytest.approx(error, abs=5e-5)
    assert compared.p == pytest.approx(p, abs=5e-5)


def obuchowski(scores: np.ndarray, positive: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """The covariance (k, k), pair by pair of films as in the paper's section 2."""
    k, clusters = scores.shape[1], np.unique(patients)
    m, n = positive.sum(), (~positive).sum()
    kernel = np.array([[(x > y) + 0.5 * (x == y) for y in scores[~positive]] for x in scores[positive]])
    theta = kernel.mean((0, 1))
    v10, v01 = kernel.mean(1), kernel.mean(0)
    sums10 = np.array([(v10[patients[positive] == c] - theta).sum(0) for c in clusters])
    sums01 = np.array([(v01[patients[~positive] == c] - theta).sum(0) for c in clusters])
    i10, i01 = len(np.unique(patients[positive])), len(np.unique(patients[~positive]))
    i = len(clusters)
    found = np.empty((k, k))
    for r in range(k):
        for s in range(k):
            s10 = i10 / ((i10 - 1) * m) * (sums10[:, r] * sums10[:, s]).sum()
            s01 = i01 / ((i01 - 1) * n) * (sums01[:, r] * sums01[:, s]).sum()
            s11 = i / (i - 1) * (sums10[:, r] * sums01[:, s]).sum()
            s11_ = i / (i - 1) * (sums10[:, s] * sums01[:, r]).sum()
            found[r, s] = s10 / m + s01 / n + (s11 + s11_) / (m * n)
    return found


@given(st.integers(12, 60), st.integers(2, 12), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_clustered_covariances_are_obuchowski_s(films: int, patients: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    positive = rng.random(films) < 0.4
    patient = rng.integers(patients, size=films).astype(np.uint64)
    patient[:4], positive[:4] = [0, 1, 0, 1], [True, True, False, False]
    scores = (rng.normal(size=(films, 3)) + positive[:, None]).round(1)  # with ties
    found = delong(scores, positive, patient)
    assert found.values == pytest.approx([roc_auc_score(positive, column) for column in scores.T], abs=1e-12)
    np.testing.assert_allclose(found.covariance, obuchowski(scores, positive, patient), atol=1e-13)


def scored(rng: np.random.Generator, patients: int, strength: float) -> ScoredFilms:
    """Four films a patient, which resemble each other."""
    truth = np.repeat(rng.random(patients) < 0.4, 4)
    truth ^= rng.random(truth.size) < 0.1  # some patients have films of both classes
    scores = np.repeat(rng.normal(size=patients), 4) + strength * truth + 0.3 * rng.normal(size=truth.size)
    patient = np.repeat(np.arange(patients, dtype=np.uint64), 4)
    keys = np.arange(truth.size, dtype=np.uint64)
    return ScoredFilms(scores.astype(np.float32)[:, None], truth.astype(np.int8)[:, None], patient, keys)


def rival(rng: np.random.Generator, state: ScoredFilms, strength: float) -> ScoredFilms:
    """Other scores of the same films, correlated with the first."""
    more = np.repeat(rng.normal(size=len(state.keys) // 4), 4)[:, None] + strength * (state.truth == 1)
    return ScoredFilms(
        (0.5 * state.scores + 0.5 * more).astype(np.float32), state.truth, state.patients, state.keys
    )


def test_models_that_are_equally_good_are_told_apart_in_one_of_twenty_comparisons() -> None:
    rng, told = np.random.default_rng(5), 0
    for _ in range(300):
        state = scored(rng, 100, 1.0)
        # Two draws of the same noise are as good as each other by construction.
        noise = [np.repeat(rng.normal(size=100), 4) + 0.3 * rng.normal(size=400) for _ in range(2)]
        one, two = (
            ScoredFilms(
                (state.truth[:, 0] + each).astype(np.float32)[:, None],
                state.truth,
                state.patients,
                state.keys,
            )
            for each in noise
        )
        (found,) = compare(one, two)
        assert found is not None
        told += found.p < 0.05
    assert 5 <= told <= 27  # 15 expected


def test_a_better_model_is_told_apart_and_films_are_paired_by_their_keys() -> None:
    rng = np.random.default_rng(6)
    state = scored(rng, 150, 0.7)
    better = rival(rng, state, 4.0)
    (found,) = compare(better, state)
    assert found is not None and found.value > 0.1 and found.p < 1e-4
    assert found.low < found.value < found.high
    order = rng.permutation(len(state.keys))[:-8]
    shuffled = ScoredFilms(
        better.scores[order], better.truth[order], better.patients[order], better.keys[order]
    )
    kept = np.sort(order)
    expected = compare(
        ScoredFilms(better.scores[kept], better.truth[kept], better.patients[kept], better.keys[kept]), state
    )
    assert compare(shuffled, state) == expected
    (same,) = compare(state, state)
    assert same is not None and (same.value, same.p) == (0, 1)


def test_what_cannot_be_compared_is_refused_or_has_no_value() -> None:
    state = scored(np.random.default_rng(7), 20, 1.0)
    other = ScoredFilms(state.scores, 1 - state.truth, state.patients, state.keys)
    with pytest.raises(ValueError, match="differ in truth"):
        compare(state, other)
    few = ScoredFilms(state.scores[:9], state.truth[:9], state.patients[:9], state.keys[:9])
    assert compare(state, few) == [None]
    with pytest.raises(ValueError, match="two patients"):
        delong(state.scores, state.truth[:, 0] == 1, np.zeros(80, np.uint64))


def test_an_interval_stays_within_zero_and_one() -> None:
    scores = np.array([0.1, 0.2, 0.9, 0.3, 0.95, 0.97])[:, None]
    positive = np.array([False, False, False, True, True, True])
    low, high = delong(scores, positive, np.arange(6, dtype=np.uint64)).interval(0)
    assert 0 <= low < 7 / 9 < high == 1
