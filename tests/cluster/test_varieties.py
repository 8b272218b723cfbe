import numpy as np
import pytest

from cluster.film_slices import REAL, SYNTHETIC
from cluster.varieties import Varieties
from eval.feature_rows import FeatureRows
from eval.floors import plan_floor
from eval.inception_score import result as inception
from eval.vendi import SecondMoment, update
from eval.vendi import result as vendi
from tests.eval.feature_sets import rows


class Plain:
    """An extractor without class names."""

    name, dimension, digest = "plain", 5, "d"

    def setup(self, device: str) -> None: ...

    def process(self, films: np.ndarray) -> np.ndarray:
        return films.reshape(len(films), -1)[:, :5].astype(np.float32)


class Named(Plain):
    name = "named"

    def class_layer(self) -> tuple[np.ndarray, np.ndarray]:
        return np.eye(3, 5, dtype=np.float32), np.array([0, 1, 2], np.float32)


RNG = np.random.default_rng(0)
FILMS = {
    REAL: rows(RNG.normal(size=(90, 5)).astype(np.float32)),
    SYNTHETIC: rows(RNG.normal(size=(40, 5)).astype(np.float32), "s"),
}
PLAN = plan_floor(FILMS[REAL].patients, FILMS[REAL].keys, FILMS[SYNTHETIC].keys)


def collected(slices: int) -> Varieties:
    states = Varieties.of([Plain(), Named()], PLAN, of_vendi=True, of_inception=True)
    for side, films in FILMS.items():
        for places in np.array_split(np.arange(films.count), slices):
            part = films.take(places)
            states.add(side, {"plain": [part], "named": [part]})
    return states


def of(features: np.ndarray) -> float:
    return vendi(update(SecondMoment(5), features))


def test_states_are_those_of_their_films_in_any_slices() -> None:
    whole, parted = collected(1), collected(7)
    half = PLAN.half(FILMS[REAL].patients, FILMS[REAL].keys) == 0
    matched = PLAN.matched(FILMS[SYNTHETIC].keys)
    for states in (whole, parted):
        assert vendi(states.real["plain"]) == pytest.approx(of(FILMS[REAL].features[half]), rel=1e-12)
        variety = states.synthetic["plain"]
        assert variety.count == 40
        assert vendi(variety.matched) == pytest.approx(of(FILMS[SYNTHETIC].features[matched]), rel=1e-12)
    for key, sums in whole.classes.items():
        assert inception(sums) == pytest.approx(inception(parted.classes[key]), rel=1e-12)
    assert whole.classes[SYNTHETIC, "named"].matched == matched.sum()


def test_only_a_network_that_names_what_it_sees_has_an_inception_score() -> None:
    assert {name for _, name in collected(1).classes} == {"named"}


def test_what_was_not_asked_for_is_not_kept() -> None:
    states = Varieties.of([Named()], PLAN, of_vendi=False, of_inception=False)
    states.add(SYNTHETIC, {"named": [FeatureRows.empty(5), FILMS[SYNTHETIC]]})
    assert (states.real, states.synthetic, states.classes) == ({}, {}, {})
