import numpy as np
import pytest
from scipy.special import expit

from eval import calibration
from eval.auc import ScoredFilms, macro, result
from eval.classifier_differences import calibration_differences, compared, mauc_differences
from eval.comparison import plan_comparison
from eval.delong import compare
from eval.f1 import choose_thresholds, f1_differences, f1_scores

FINDINGS = ("Edema", "Fracture", "Pneumonia")


def scored(
    rng: np.random.Generator,
    strength: float,
    of: ScoredFilms | None = None,
    patients: int = 60,
    films_each: int = 2,
) -> ScoredFilms:
    """Films that resemble each other by patient; those of the reports of another corpus, or new ones."""
    if of is None:
        films = patients * films_each
        truth = (rng.random((patients, 3)) < 0.4).astype(np.int8).repeat(films_each, 0)
        who = rng.integers(2**60, size=patients, dtype=np.uint64).repeat(films_each)
        keys = np.sort(rng.integers(2**63, size=films, dtype=np.uint64))
        of = ScoredFilms(np.empty((films, 3), np.float32), truth, who, keys)
    films = len(of.keys)
    noise = rng.normal(size=(films // films_each, 3)).repeat(films_each, 0) + rng.normal(size=(films, 3))
    return ScoredFilms((strength * of.truth + noise).astype(np.float32), of.truth, of.patients, of.keys)


def maucs(ours: ScoredFilms, rival: ScoredFilms, paired: bool, resamples: int = 200):
    return mauc_differences(ours, rival, paired, metric="mauc_label", findings=FINDINGS, resamples=resamples)


def test_films_stand_one_by_one_where_the_reports_are_the_same_and_say_the_same() -> None:
    rng = np.random.default_rng(0)
    ours = scored(rng, 1)
    rival = scored(rng, 2, ours).take(np.arange(30, 120))
    plan = plan_comparison(ours.keys, rival.keys)
    unreadable = rival.take(np.arange(len(rival.keys)) != 7)
    one, other, paired = compared(plan, ours, unreadable)
    assert paired and len(one.keys) == 89
    np.testing.assert_array_equal(one.keys, other.keys)
    corrected = ScoredFilms(rival.scores, 1 - rival.truth, rival.patients, rival.keys)
    assert compared(plan, ours, corrected)[2] is False
    strangers = scored(rng, 2, patients=20)
    one, other, paired = compared(plan_comparison(ours.keys, strangers.keys), ours, strangers)
    assert (len(one.keys), len(other.keys), paired) == (40, 40, False)


def test_findings_of_the_same_reports_are_compared_by_delong_and_means_over_what_both_have() -> None:
    rng = np.random.default_rng(1)
    ours = scored(rng, 1)
    rival = scored(rng, 2, ours)
    rare = ours.truth.copy()
    rare[:, 2] = 0
    ours, rival = (ScoredFilms(s.scores, rare, s.patients, s.keys) for s in (ours, rival))
    found = maucs(ours, rival, paired=True)
    assert set(found) == {
        *(("mauc_label", subset) for subset in ("all", "diffcxr_11", "Edema", "Fracture")),
        ("mauc_label_weighted", "all"),
        ("mauc_label_micro", "all"),
    }
    assert [found["mauc_label", name] for name in FINDINGS[:2]] == compare(ours, rival)[:2]
    mean = found["mauc_label", "all"]
    values = [macro(result(state)[:2]) for state in (ours, rival)]
    assert values[0] is not None and values[1] is not None
    assert (mean.value, mean.rival) == pytest.approx((values[0] - values[1], values[1]), abs=1e-12)
    assert mean.p is not None and mean.p < 0.05 and mean.value < 0
    assert "resamples" in mean.how and "DeLong" in found["mauc_label_micro", "all"].how


@pytest.mark.parametrize("paired", [True, False])
def test_classifiers_see_findings_equally_well_on_films_of_equal_models(paired: bool) -> None:
    told: dict[tuple[str, str], int] = {}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        ours = scored(rng, 1)
        rival = scored(rng, 1, ours if paired else None)
        for row, found in (maucs(ours, rival, paired) | calibrations(ours, rival)).items():
            assert found.p is not None
            told[row] = told.get(row, 0) + (found.p < 0.05)
    assert len(told) == 15
    assert max(told.values()) <= 8  # of 60, where 3 are expected
    assert np.mean(list(told.values())) <= 4.5


def calibrations(ours: ScoredFilms, rival: ScoredFilms):
    return calibration_differences(ours, rival, findings=FINDINGS)


def test_calibration_differs_by_what_its_values_do() -> None:
    rng = np.random.default_rng(2)
    ours = scored(rng, 1)
    rival = ScoredFilms(4 * ours.scores, ours.truth, ours.patients, ours.keys)  # too sure
    found = calibrations(ours, rival)
    for number, name in enumerate(calibration.NAMES):
        values = [
            calibration.result(calibration.update(calibration.Calibration.empty(3), s))[number]
            for s in (ours, rival)
        ]
        one = found[f"{name}_label", "all"]
        assert one.value == pytest.approx((values[0] - values[1]).mean()) and one.value < 0
        assert one.p is not None and one.p < 0.01
        assert found[f"{name}_label", "Fracture"].rival == pytest.approx(values[1][1])
    brier = ((expit(rival.scores) - rival.truth) ** 2).mean()
    assert found["brier_label", "all"].rival == pytest.approx(brier, rel=1e-6)


def test_f1_differs_by_what_its_values_do_at_the_same_thresholds() -> None:
    rng = np.random.default_rng(3)
    thresholds = choose_thresholds(scored(rng, 2))
    ours = scored(rng, 3)
    rival = scored(rng, 0.5, ours)
    found = f1_differences(ours, rival, thresholds, findings=FINDINGS, resamples=200)
    told = {"findings": FINDINGS, "extractor": "x", "digest": "d", "reference": "r"}
    both = [f1_scores(s, ours, thresholds, **told, resamples=10) for s in (ours, rival)]
    assert [(score.metric, score.subset) for score in both[0]] == list(found)
    for one, other in zip(*both, strict=True):
        difference = found[one.metric, one.subset]
        assert one.value is not None and other.value is not None
        assert (difference.value, difference.rival) == pytest.approx((one.value - other.value, other.value))
        assert difference.p is not None and difference.p < 0.05
    assert f1_differences(ours, rival, np.full(3, np.nan), findings=FINDINGS) == {}
