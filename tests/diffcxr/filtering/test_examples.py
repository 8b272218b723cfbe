from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from diffcxr.filtering.examples import A_GROUP, NEIGHBOURS, Example, choose_examples
from diffcxr.filtering.features import latent_features
from diffcxr.filtering.rounds import REMOVE, Filtering, Round, filter_features
from tests.diffcxr.filtering.latents import planted_latents


def filtering(scores: list[float], standard: NDArray[np.float32]) -> Filtering:
    values = np.array(scores)
    removed = values > REMOVE
    one = Round(0, REMOVE, 0, int(removed.sum()), int(removed.sum()))
    return Filtering(values, removed, np.where(removed, 0, -1), (one,), (values,), standard)


@settings(max_examples=50)
@given(st.lists(st.integers(-3, 12), min_size=1, max_size=60))
def test_groups_are_bounded_ordered_and_disjoint(scores: list[int]) -> None:
    examples = choose_examples(
        filtering([float(score) for score in scores], np.zeros((len(scores), 2), np.float32))
    )
    films = [example.film for example in examples]
    shown = [scores[film] for film in films]
    removed = sum(score > REMOVE for score in scores)
    assert len(films) == len(set(films))
    assert shown == sorted(shown, reverse=True)
    assert sum(scores[film] > REMOVE for film in films) == min(removed, 2 * A_GROUP)
    assert sum(scores[film] <= REMOVE for film in films) == min(len(scores) - removed, A_GROUP)
    if removed:
        assert {max(scores), min(score for score in scores if score > REMOVE)} <= set(shown)


@settings(max_examples=40)
@given(
    arrays(np.float32, st.tuples(st.integers(2, 30), st.just(3)), elements=st.integers(-8, 8)),
    st.randoms(use_true_random=False),
)
def test_neighbours_are_the_nearest_of_their_fate_and_never_the_film_itself(
    standard: NDArray[np.float32], chance: random.Random
) -> None:
    scores = [float(chance.choice([0, 1, 5, 6])) for _ in standard]
    found = filtering(scores, standard)
    for example in choose_examples(found):
        distance = np.sqrt(np.square(standard - standard[example.film]).mean(axis=1))
        for nearest, fate in ((example.nearest_kept, False), (example.nearest_removed, True)):
            others = [row for row in np.flatnonzero(found.removed == fate) if row != example.film]
            expected = sorted(others, key=lambda row: (distance[row], row))[:NEIGHBOURS]
            assert [one.film for one in nearest] == expected
            assert [one.distance for one in nearest] == pytest.approx([distance[row] for row in expected])


def test_the_order_of_rows_decides_nothing() -> None:
    features = latent_features(planted_latents(400, 0.1, seed=6)[0])
    shuffle = np.random.default_rng(5).permutation(len(features))
    there, here = (choose_examples(filter_features(some)) for some in (features, features[shuffle]))

    assert named(there, np.arange(len(features))) == named(here, shuffle)
    assert {example.group for example in there} == {"strangest", "removed", "kept", "changed"}


def test_films_about_which_the_rounds_changed_their_mind_are_among_them() -> None:
    found = filter_features(latent_features(planted_latents(600, 0.08, seed=3)[0]))
    fates = [scores > one.threshold for one, scores in zip(found.rounds, found.history, strict=True)]
    changed = [example.film for example in choose_examples(found) if example.group == "changed"]
    assert 0 < len(changed) <= A_GROUP and changed == sorted(changed, key=lambda film: -found.scores[film])
    assert all(any(fate[film] != found.removed[film] for fate in fates) for film in changed)


def named(examples: Sequence[Example], films: NDArray[np.intp]) -> list[object]:
    """The examples with their neighbours, by the films' numbers instead of rows."""
    nearest = [(*example.nearest_kept, *example.nearest_removed) for example in examples]
    return [
        (films[example.film], [(films[one.film], one.distance) for one in near])
        for example, near in zip(examples, nearest, strict=True)
    ]
