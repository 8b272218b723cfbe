import numpy as np
import pytest

from eval.auc import ScoredFilms, merge_all
from eval.groups import film_keys
from eval.paired import THRESHOLD, own_thresholds, pair

RNG = np.random.default_rng(0)
REPORTS = [f"r{i}" for i in range(30)]


def scored(reports: list[str], samples: list[int]) -> ScoredFilms:
    count = len(reports)
    state = ScoredFilms(
        RNG.normal(size=(count, 2)).astype(np.float32),
        RNG.integers(-1, 2, (count, 2)).astype(np.int8),
        np.arange(count, dtype=np.uint64),
        film_keys(reports, samples),
    )
    return merge_all([state], 2)


REAL = scored([*REPORTS, *REPORTS], [0] * 30 + [1] * 30)  # a frontal film and a lateral one
SYNTHETIC_REPORTS, SAMPLES = [*REPORTS[10:], *REPORTS[10:], "other"], [0] * 20 + [1] * 20 + [0]
SYNTHETIC = scored(SYNTHETIC_REPORTS, SAMPLES)
KEYS, FIRSTS = film_keys(SYNTHETIC_REPORTS, SAMPLES), film_keys(SYNTHETIC_REPORTS, [0] * 41)


def test_truth_is_what_the_classifier_reads_on_the_first_real_film_of_the_same_report() -> None:
    synthetic, real = pair(SYNTHETIC, REAL, KEYS, FIRSTS)
    assert (len(synthetic.keys), len(real.keys)) == (40, 20)  # both samples, and no film of the other report
    first = dict(zip(film_keys(REPORTS, [0] * 30).tolist(), REPORTS, strict=True))
    read = {first[k]: s > 0 for k, s in zip(REAL.keys.tolist(), REAL.scores, strict=True) if k in first}
    report = dict(zip(KEYS.tolist(), SYNTHETIC_REPORTS, strict=True))
    for key, truth in zip(synthetic.keys.tolist(), synthetic.truth, strict=True):
        assert truth.tolist() == read[report[key]].astype(int).tolist()


def test_scores_and_films_stay_as_they_are() -> None:
    synthetic, real = pair(SYNTHETIC, REAL, KEYS, FIRSTS)
    for ours, whole in ((synthetic, SYNTHETIC), (real, REAL)):
        place = np.searchsorted(whole.keys, ours.keys)
        np.testing.assert_array_equal(ours.scores, whole.scores[place])
        np.testing.assert_array_equal(ours.patients, whole.patients[place])


def test_without_a_report_in_common_there_is_no_pair() -> None:
    lone = scored(["a", "b"], [0, 0])
    synthetic, real = pair(lone, REAL, *(film_keys(["a", "b"], [0, 0]),) * 2)
    assert (len(synthetic.keys), len(real.keys)) == (0, 0)
    with pytest.raises(ValueError, match="no known report"):
        pair(SYNTHETIC, REAL, KEYS[:-1], FIRSTS[:-1])


def test_what_is_seen_at_the_classifier_s_own_threshold_is_what_pairs_call_present() -> None:
    scores = np.array([[-1.0, 0.0, np.nextafter(np.float32(0), np.float32(1)), 2.0]], np.float32)
    np.testing.assert_array_equal((scores >= own_thresholds(4))[0], scores[0] > THRESHOLD)
