from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import average_precision_score

from diffcxr.filtering import rounds
from diffcxr.filtering.features import latent_features
from diffcxr.filtering.rounds import filter_features
from tests.diffcxr.filtering.latents import KINDS, planted_latents


def one_shot_distance(latents: NDArray[np.float32]) -> NDArray[np.float64]:
    flat = latents.reshape(len(latents), -1)
    fitted = KMeans(8, n_init=1, random_state=0).fit(flat)
    distance: NDArray[np.float64] = np.linalg.norm(flat - fitted.cluster_centers_[fitted.labels_], axis=1)
    return distance


@pytest.fixture(scope="module")
def planted() -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    return planted_latents(600, 0.08, seed=3)


def test_planted_artefacts_are_found_ahead_of_one_shot_k_means(
    planted: tuple[NDArray[np.float32], NDArray[np.intp]],
) -> None:
    latents, kinds = planted
    found = filter_features(latent_features(latents))
    ours = average_precision_score(kinds > 0, found.scores)
    assert ours > 0.95
    assert ours > average_precision_score(kinds > 0, one_shot_distance(latents)) + 0.1


def test_the_rounds_find_faint_artefacts_that_distance_alone_does_not_tell_apart() -> None:
    latents, kinds = planted_latents(600, 0.08, seed=3, strength=0.25)
    found = filter_features(latent_features(latents))
    first, last = (average_precision_score(kinds > 0, scores) for scores in (found.history[0], found.scores))
    assert first < 0.9 and last > 0.99
    assert found.rounds[0].removed < 0.85 * (kinds > 0).sum() < found.rounds[-1].removed


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_heap_of_one_kind_is_found_though_it_is_more_than_a_tenth_of_the_films(kind: str) -> None:
    latents, kinds = planted_latents(600, 0.15, seed=3, only=kind)
    found = filter_features(latent_features(latents))
    assert average_precision_score(kinds > 0, found.scores) > 0.95
    assert found.removed[kinds > 0].mean() > 0.9


def test_artefacts_are_found_though_they_are_a_quarter_of_the_films() -> None:
    latents, kinds = planted_latents(600, 0.25, seed=3)
    found = filter_features(latent_features(latents))
    assert average_precision_score(kinds > 0, found.scores) > 0.95
    assert found.removed[kinds > 0].mean() > 0.9


def test_blank_films_are_found_though_they_are_the_smoothest(
    planted: tuple[NDArray[np.float32], NDArray[np.intp]],
) -> None:
    latents, kinds = planted
    blank = kinds == KINDS.index("blank")
    assert np.abs(latents[blank]).std() < np.abs(latents[~blank]).std()
    assert filter_features(latent_features(latents)).removed[blank].all()


def test_rounds_end_settled_and_say_what_they_did(
    planted: tuple[NDArray[np.float32], NDArray[np.intp]],
) -> None:
    found = filter_features(latent_features(planted[0]))
    assert [one.round for one in found.rounds] == list(range(len(found.rounds)))
    assert found.rounds[-1].removed == found.removed.sum() == (found.since >= 0).sum()
    assert found.rounds[-1].changed <= 0.02 * found.rounds[-1].removed
    assert found.rounds[-1].settled
    assert len(found.rounds) > 1


def test_rounds_that_end_by_their_number_say_that_they_did_not_settle(
    planted: tuple[NDArray[np.float32], NDArray[np.intp]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = filter_features(latent_features(planted[0]))
    monkeypatch.setattr(rounds, "_MAX_ROUNDS", len(whole.rounds) - 2)
    cut = filter_features(latent_features(planted[0]))
    assert cut.rounds[-1] == whole.rounds[-2]
    assert not cut.rounds[-1].settled


def test_a_second_run_is_bit_identical(planted: tuple[NDArray[np.float32], NDArray[np.intp]]) -> None:
    first, second = (filter_features(latent_features(planted[0])) for _ in range(2))
    assert first.scores.tobytes() == second.scores.tobytes()


def test_the_order_of_rows_decides_nothing(planted: tuple[NDArray[np.float32], NDArray[np.intp]]) -> None:
    features = latent_features(planted[0])
    shuffle = np.random.default_rng(5).permutation(len(features))
    there, here = filter_features(features), filter_features(features[shuffle])
    assert here.scores.tobytes() == there.scores[shuffle].tobytes()
    assert (here.removed == there.removed[shuffle]).all()


def test_a_clean_collection_loses_few_films() -> None:
    latents, _ = planted_latents(600, 0.0, seed=4)
    assert filter_features(latent_features(latents)).removed.mean() < 0.02


def test_copies_of_one_film_are_all_ordinary() -> None:
    found = filter_features(np.ones((50, 10), np.float32))
    assert np.isfinite(found.scores).all() and not found.removed.any()


def test_too_few_films_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        filter_features(np.zeros((19, 10), np.float32))
