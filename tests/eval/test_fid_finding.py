import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval import fid_finding
from eval.feature_rows import FeatureRows
from eval.fid_finding import (
    FindingFilms,
    fid_finding_differences,
    fid_finding_scores,
    merge,
    trim,
    update,
)
from eval.frechet import frechet_distance
from eval.moments import Moments
from eval.moments import update as add
from eval.scores import Score
from tests.eval.feature_sets import rows

D = 4
NAMES = ("Edema", "Fracture", "Pneumonia")
TOLD = {"findings": NAMES, "extractor": "x", "digest": "d", "reference": "r"}


class Corpus:
    """Films of which the first half shows one finding, every third another, and few a third one."""

    def __init__(self, count: int, name: str, shift: float = 0.0) -> None:
        rng = np.random.default_rng(count)
        number = np.arange(count)
        self.present = np.stack([number < count / 2, number % 3 == 0, number % 50 == 0], axis=1)
        features = rng.normal(size=(count, D)) + shift * self.present[:, :1]
        self.rows = rows(features.astype(np.float32), name)

    def state(self, cuts: list[int] | None = None) -> FindingFilms:
        state = FindingFilms(D, 3)
        for films in np.split(np.arange(len(self.present)), sorted(cuts or [])):
            state = update(state, self.rows.take(films), self.present[films])
        return state

    def features(self, finding: int) -> np.ndarray:
        return self.rows.features[self.present[:, finding]]


REAL, SYNTHETIC, RIVAL = Corpus(700, "r"), Corpus(500, "s", 1.0), Corpus(480, "s", 2.0)


def scores(real: FindingFilms, synthetic: FindingFilms) -> list[Score]:
    return list(fid_finding_scores(real, synthetic, **TOLD))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return frechet_distance(add(Moments(D), a), add(Moments(D), b))


def test_a_finding_s_value_is_the_distance_of_the_films_that_show_it() -> None:
    found = scores(REAL.state(), SYNTHETIC.state())
    assert [(score.metric, score.subset) for score in found] == [("fid_finding", name) for name in NAMES]
    for index, score in enumerate(found[:2]):
        expected = distance(REAL.features(index), SYNTHETIC.features(index))
        assert score.value == pytest.approx(expected, rel=1e-9)
        assert (score.n_real, score.n_synthetic) == tuple(
            int(corpus.present[:, index].sum()) for corpus in (REAL, SYNTHETIC)
        )
        assert score.low is not None and score.high is not None and score.low < score.value < score.high
        assert score.floor is not None and score.value_at_floor is not None and score.n_floor is not None
        assert score.floor < score.value_at_floor and score.n_floor >= 50
    assert found[0].value is not None and found[1].value is not None
    assert found[0].value > 1.5 * found[1].value  # only the films of the first finding are shifted


def test_a_finding_that_few_films_show_has_no_value_and_says_how_many_do() -> None:
    rare = scores(REAL.state(), SYNTHETIC.state())[2]
    assert (rare.value, rare.low, rare.floor) == (None, None, None)
    assert rare.note == "14 real and 10 synthetic films show it; a value needs 100 each"


def test_a_floor_needs_enough_real_films_in_each_half() -> None:
    state, films = FindingFilms(D, 3), REAL.rows.groups % 2 == 0
    halves = np.flatnonzero(films | (np.arange(700) % 10 == 0))  # nearly all of them in one half
    lopsided = update(state, REAL.rows.take(halves), REAL.present[halves])
    score = scores(lopsided, SYNTHETIC.state())[0]
    assert score.value is not None and (score.floor, score.n_floor, score.value_at_floor) == (
        None,
        None,
        None,
    )
    assert score.note == "a floor needs 50 films in each half of the real ones"


@given(st.lists(st.integers(0, 700), max_size=5), st.lists(st.integers(0, 500), max_size=5))
@settings(deadline=None, max_examples=5)
def test_no_number_depends_on_sharding(real_cuts: list[int], synthetic_cuts: list[int]) -> None:
    whole = scores(REAL.state(), SYNTHETIC.state())
    assert scores(REAL.state(real_cuts), SYNTHETIC.state(synthetic_cuts)) == whole  # to the last bit


@given(st.lists(st.integers(0, 700), max_size=8), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_the_films_of_the_smallest_keys_are_kept_whatever_is_merged_first(cuts: list[int], random) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fid_finding, "MOST", 40)
        order = list(range(700))
        random.shuffle(order)
        parts = [
            update(FindingFilms(D, 3), REAL.rows.take(films), REAL.present[films])
            for films in np.split(np.array(order), sorted(cuts))
        ]
        while len(parts) > 1:
            parts.append(merge(parts.pop(random.randrange(len(parts))), parts.pop()))
        for state in (parts[0], trim(parts[0])):
            assert state.count <= 700
            for finding in range(3):
                keys = REAL.rows.keys[REAL.present[:, finding]]
                np.testing.assert_array_equal(np.sort(state.of(finding).keys), np.sort(keys)[:40])
        assert trim(parts[0]).count <= 3 * 40


def test_a_state_does_not_grow_with_the_films(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fid_finding, "MOST", 40)
    state, largest = FindingFilms(D, 3), 0
    for films in np.array_split(np.arange(700), 70):
        state = update(state, REAL.rows.take(films), REAL.present[films])
        largest = max(largest, state.count)
    assert largest <= 2 * 3 * 40 + 40


def test_a_film_without_a_finding_is_not_kept_and_what_does_not_fit_is_refused() -> None:
    none = update(FindingFilms(D, 3), REAL.rows, np.zeros((700, 3), np.bool_))
    assert none.count == 0 and none.of(0).count == 0
    with pytest.raises(ValueError, match="dimension"):
        update(FindingFilms(D + 1, 3), REAL.rows, REAL.present)
    with pytest.raises(ValueError, match="merged"):
        merge(FindingFilms(D, 3), FindingFilms(D, 2))


def test_two_corpora_are_compared_finding_by_finding_at_one_number_of_films() -> None:
    found = list(fid_finding_differences(REAL.state(), SYNTHETIC.state(), RIVAL.state(), findings=NAMES))
    assert [finding for finding, _, _ in found] == list(NAMES)
    (_, edema, n), (_, fracture, _), (_, rare, few) = found
    assert (rare, few) == (None, 10)
    assert edema is not None and fracture is not None
    assert n == 240  # of the rival's 480 films; the other has 250
    ours = SYNTHETIC.rows.take(SYNTHETIC.present[:, 0])
    chosen: FeatureRows = fid_finding.first(ours, n)
    values = [distance(REAL.features(0), f) for f in (chosen.features, RIVAL.features(0))]
    assert (edema.value, edema.rival) == pytest.approx((values[0] - values[1], values[1]), rel=1e-9)
    assert edema.p is not None and edema.p < 0.001 and edema.value < fracture.value < 0
