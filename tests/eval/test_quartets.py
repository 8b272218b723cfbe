import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eval.groups import film_keys
from eval.quartets import STRANGERS, of_prompts, of_strangers

REPORTS = [f"r{i // 5}" for i in range(60)]  # five samples each, the last has three
SAMPLES = (np.arange(60) % 5)[:58]
KEYS, FIRSTS = film_keys(REPORTS[:58], SAMPLES.tolist()), film_keys(REPORTS[:58], [0] * 58)


def test_a_prompt_s_first_four_samples_stand_together() -> None:
    quartets = of_prompts(KEYS, FIRSTS, SAMPLES)
    places = quartets.places(KEYS)
    assert (places[SAMPLES == 4] == -1).all() and (places[55:] == -1).all()
    for film in np.flatnonzero(SAMPLES[:55] < 4):
        assert quartets.prompts[places[film]] == FIRSTS[film]
        assert quartets.indices[places[film]] == SAMPLES[film]


@given(st.integers(0, 60), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_strangers_are_of_different_patients_whatever_the_order_of_films(films, each, seed) -> None:
    keys = film_keys([f"x{i}" for i in range(films)], [0] * films)
    patients = (np.arange(films) // each).astype(np.uint64)
    quartets = of_strangers(patients, keys)
    owner = dict(zip(keys.tolist(), patients.tolist(), strict=True))
    met = [owner[key] for key in quartets.keys.tolist()]
    assert len(set(met)) == len(met) == len(set(patients.tolist())) // 4 * 4
    for prompt in set(quartets.prompts.tolist()):
        assert sorted(quartets.indices[quartets.prompts == prompt].tolist()) == [0, 1, 2, 3]
    order = np.random.default_rng(seed).permutation(films)
    again = of_strangers(patients[order], keys[order])
    assert again.keys.tobytes() == quartets.keys.tobytes()
    assert again.prompts.tobytes() == quartets.prompts.tobytes()


def test_there_are_no_more_strangers_than_fit_into_one_place() -> None:
    keys = np.arange(5000, dtype=np.uint64)
    assert len(of_strangers(keys, keys).keys) == 4 * STRANGERS


def test_films_without_a_place_are_told_so() -> None:
    none = of_prompts(KEYS[:0], FIRSTS[:0], SAMPLES[:0])
    assert none.places(KEYS[:3]).tolist() == [-1, -1, -1]
