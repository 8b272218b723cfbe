import numpy as np
import pytest

from cluster.film_slices import REAL, RIVAL, SYNTHETIC
from cluster.rivalry import Rivalry
from eval.comparison import plan_comparison
from eval.feature_differences import fid_difference, inception_difference, vendi_difference
from eval.fid import Side, update_side
from tests.cluster.test_varieties import Named
from tests.eval.feature_sets import rows

RNG = np.random.default_rng(0)
FILMS = {
    SYNTHETIC: rows(RNG.normal(size=(90, 5)).astype(np.float32), "s"),
    RIVAL: rows(1.2 * RNG.normal(size=(40, 5)).astype(np.float32), "s"),
}
REAL_FILMS = rows(RNG.normal(size=(80, 5)).astype(np.float32))
ASKED = ("fid", "vendi", "inception_score")


def collected(slices: int) -> Rivalry:
    plan = plan_comparison(FILMS[SYNTHETIC].keys, FILMS[RIVAL].keys)
    states = Rivalry.of([Named()], plan, ASKED)
    for side, films in (FILMS | {REAL: REAL_FILMS}).items():
        for places in np.array_split(np.arange(films.count), slices):
            states.add(side, {"named": [films.take(places)]})
    return states


def test_a_corpus_is_compared_over_its_rival_s_reports_in_any_slices() -> None:
    whole, parted = collected(1), collected(7)
    assert whole.comparison.paired
    for states in (whole, parted):
        for state in (states.sides, states.varieties):
            assert [state[side, "named"].count for side in (SYNTHETIC, RIVAL)] == [40, 40]
        assert states.classes[SYNTHETIC, "named"].films == 40
    real = update_side(Side.empty(5), REAL_FILMS.features, REAL_FILMS.groups, np.full(80, -1))
    found = [
        (
            fid_difference(real, *(states.sides[side, "named"] for side in FILMS)),
            vendi_difference(*(states.varieties[side, "named"] for side in FILMS)),
            inception_difference(*(states.classes[side, "named"] for side in FILMS)),
        )
        for states in (whole, parted)
    ]
    for one, other in zip(*found, strict=True):
        assert (one.value, one.low, one.p) == pytest.approx((other.value, other.low, other.p), rel=1e-9)
    chosen = whole.chosen(SYNTHETIC, FILMS[SYNTHETIC])
    np.testing.assert_array_equal(chosen.keys, FILMS[RIVAL].keys)


def test_what_was_not_asked_for_is_not_kept() -> None:
    states = Rivalry.of([Named()], plan_comparison(FILMS[RIVAL].keys, FILMS[RIVAL].keys), ["kid"])
    states.add(SYNTHETIC, {"named": [FILMS[SYNTHETIC]]})
    assert (states.sides, states.varieties, states.classes) == ({}, {}, {})
