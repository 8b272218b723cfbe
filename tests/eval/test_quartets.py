import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eval import quartets as planned
from eval.groups import film_keys
from eval.ms_ssim import SMALLEST, Likeness, Sample, merge, result, update
from eval.quartets import PROMPTS, STRANGERS, Quartets, of_prompts, of_strangers

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
    quartets = of_strangers(keys, keys)
    assert (len(quartets.keys), quartets.found) == (4 * STRANGERS, 1250)


def test_of_too_many_prompts_those_of_the_smallest_hashes_stay_whatever_the_order_of_films() -> None:
    reports = [f"r{i}" for i in range(PROMPTS + 500)]
    firsts = film_keys(reports, [0] * len(reports))
    keys = np.concatenate([film_keys(reports, [sample] * len(reports)) for sample in range(4)])
    films = keys, np.tile(firsts, 4), np.repeat(np.arange(4), len(reports))
    quartets = of_prompts(*films)
    assert (len(quartets.keys), quartets.found) == (4 * PROMPTS, PROMPTS + 500)
    assert np.unique(quartets.prompts).tolist() == np.sort(firsts)[:PROMPTS].tolist()
    order = np.random.default_rng(0).permutation(len(keys))
    again = of_prompts(*(column[order] for column in films))
    assert again.keys.tobytes() == quartets.keys.tobytes()
    assert again.prompts.tobytes() == quartets.prompts.tobytes()


def test_only_films_of_the_chosen_prompts_wait_and_no_bit_depends_on_their_order(monkeypatch) -> None:
    monkeypatch.setattr(planned, "PROMPTS", 3)
    reports, samples = [f"r{i}" for i in range(30)] * 4, np.repeat(np.arange(4), 30)  # all samples 0 first
    keys, firsts = film_keys(reports, samples.tolist()), film_keys(reports, [0] * 120)
    quartets = of_prompts(keys, firsts, samples)
    waited, by_sample = _measured(quartets, keys, slice_of=7)
    assert waited == 9 and len(by_sample.prompts) == 3 and by_sample.waiting == ()
    by_prompt = np.argsort(firsts, kind="stable")
    for order, slice_of in ((by_prompt, 16), (np.random.default_rng(1).permutation(120), 50)):
        _, again = _measured(of_prompts(keys[order], firsts[order], samples[order]), keys[order], slice_of)
        assert again.prompts.tobytes() == by_sample.prompts.tobytes()
        assert again.values.tobytes() == by_sample.values.tobytes() and result(again) == result(by_sample)


def _measured(quartets: Quartets, keys: np.ndarray, slice_of: int) -> tuple[int, Likeness]:
    """The most films that waited at once, and the state of all films, read in slices as they come."""
    most, state = 0, Likeness.empty()
    for slice_ in np.split(keys, range(slice_of, len(keys), slice_of)):
        films = (
            Sample(int(quartets.prompts[place]), 0, int(quartets.indices[place]), _film(int(key)))
            for key, place in zip(slice_, quartets.places(slice_), strict=True)
            if place >= 0
        )
        state = merge(state, update(Likeness.empty(), films))
        most = max(most, len(state.waiting))
    return most, state


def _film(key: int) -> np.ndarray:
    return np.random.default_rng(key).integers(0, 256, (SMALLEST, SMALLEST), np.uint8)


def test_films_without_a_place_are_told_so() -> None:
    none = of_prompts(KEYS[:0], FIRSTS[:0], SAMPLES[:0])
    assert none.places(KEYS[:3]).tolist() == [-1, -1, -1]
