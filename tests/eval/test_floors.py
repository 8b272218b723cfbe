import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.floors import NONE, plan_floor, plan_floors
from eval.groups import film_keys, groups, patient_hashes


def corpus(films: int, films_a_patient: int = 2, name: str = "r") -> tuple[np.ndarray, np.ndarray]:
    reports = [f"{name}{i}" for i in range(films)]
    patients = patient_hashes([f"{name}p{i // films_a_patient}" for i in range(films)], reports)
    return patients, film_keys(reports, [0] * films)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 4))
@settings(deadline=None)
def test_the_three_sets_have_one_size_and_the_halves_share_no_patient(real, synthetic, each) -> None:
    patients, keys = corpus(real, each)
    _, synthetic_keys = corpus(synthetic, name="s")
    plan = plan_floor(patients, keys, synthetic_keys)
    half = plan.half(patients, keys)
    assert (half == 0).sum() == (half == 1).sum() == plan.matched(synthetic_keys).sum() == plan.n
    assert plan.n <= min(synthetic, real // 2)
    assert not set(patients[half == 0]) & set(patients[half == 1])


def test_n_is_all_synthetic_films_or_nearly_half_of_the_real_ones() -> None:
    patients, keys = corpus(2000)
    assert plan_floor(patients, keys, corpus(300, name="s")[1]).n == 300
    assert plan_floor(patients, keys, corpus(3000, name="s")[1]).n > 850


def test_a_film_s_set_does_not_depend_on_the_films_it_is_read_with() -> None:
    patients, keys = corpus(500)
    plan = plan_floor(patients, keys, corpus(80, name="s")[1])
    whole = plan.half(patients, keys)
    assert [plan.half(patients[i : i + 1], keys[i : i + 1])[0] for i in range(500)] == list(whole)
    assert (whole == NONE).sum() == 340


def test_groups_are_stable_even_and_by_patient() -> None:
    patients = patient_hashes([f"p{i}" for i in range(4000)], [f"r{i}" for i in range(4000)])
    assert patients[0] == patient_hashes(["p0"], ["another"])[0]
    assert groups(patients)[:4].tolist() == [7, 19, 9, 8]
    counts = np.bincount(groups(patients), minlength=20)
    assert counts.min() > 140 and counts.max() < 260


def test_films_without_a_patient_are_kept_apart_by_report() -> None:
    one, two = patient_hashes([None, None], ["a", "b"])
    assert one != two
    assert one != patient_hashes(["a"], ["a"])[0]


def test_several_references_have_their_floors_at_the_n_of_the_smallest() -> None:
    small, large = corpus(200), corpus(900, name="l")
    _, synthetic = corpus(3000, name="s")
    plans = plan_floors({"small": small, "large": large}, synthetic)
    alone = plan_floor(*small, synthetic)
    assert plans["small"] == alone
    assert plans["large"].n == alone.n and plans["large"].last_synthetic == alone.last_synthetic
    assert (plans["large"].half(*large) == 0).sum() == alone.n
