import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.fid import Side, fid_score
from eval.groups import GROUPS
from eval.groups import groups as grouped
from eval.reference import NOTE, Reference, fid_against, from_tensors, reference_of, settled, to_tensors
from tests.eval.test_fid import HALVES, MATCHED, REAL, SYNTHETIC, D

TOLD = {"extractor": "x", "digest": "d"}


def real(cuts: list[int] | None = None) -> Side:
    return REAL.side(HALVES, cuts)


def written(reference: Reference) -> Reference:
    return from_tensors(to_tensors(reference), reference.dimension)


@given(st.lists(st.integers(0, 600), max_size=5))
@settings(deadline=None, max_examples=15)
def test_a_reference_scores_as_its_films_do_to_the_last_bit(cuts: list[int]) -> None:
    side, synthetic = real(cuts), SYNTHETIC.side(MATCHED)
    expected = fid_score(settled(side), synthetic, **TOLD, reference="r")
    found = fid_against(written(reference_of(side, groups=True)), synthetic, **TOLD, name="r")
    assert found == expected
    assert found.low is not None and found.floor is not None


def test_without_groups_value_and_floor_are_the_same_and_the_interval_is_the_synthetic_films_alone() -> None:
    synthetic = SYNTHETIC.side(MATCHED)
    whole = fid_score(settled(real()), synthetic, **TOLD, reference="r")
    found = fid_against(written(reference_of(real(), groups=False)), synthetic, **TOLD, name="r")
    assert (found.value, found.floor, found.value_at_floor) == (
        whole.value,
        whole.floor,
        whole.value_at_floor,
    )
    assert found.note == NOTE and found.n_real == 600
    assert found.low is not None and whole.low is not None and found.value is not None
    assert whole.low < found.low < found.value  # one source of spread instead of two


def test_no_tensor_holds_a_row_of_a_film_and_only_one_triangle_of_a_scatter() -> None:
    for groups, states in ((True, GROUPS), (False, 1)):
        tensors = to_tensors(reference_of(real(), groups=groups))
        shapes = sorted({tensor.shape for tensor in tensors.values()})
        assert shapes == sorted({(D,), (D * (D + 1) // 2,), (states,), (2,)})
        assert (
            sum(tensor.nbytes for tensor in tensors.values()) == (states + 2) * (1 + D + D * (D + 1) // 2) * 8
        )
        rows = {row.tobytes() for row in REAL.features.astype(np.float64)}
        assert not rows & {tensor.tobytes() for tensor in tensors.values()}


def test_so_few_films_that_each_could_be_told_are_not_published() -> None:
    few = np.arange(len(REAL.keys)) < D
    side = Side.empty(D)
    with pytest.raises(ValueError, match="0 films in a group of patients"):
        reference_of(side, groups=True)
    halves = np.where(few, HALVES, -1)
    reference = reference_of(REAL.side(halves), groups=True)
    assert reference.halves == () and reference.least > D  # a floor of three films a half is left out
    score = fid_against(reference, SYNTHETIC.side(MATCHED), **TOLD, name="r")
    assert score.value is not None and (score.floor, score.n_floor) == (None, None)


def test_what_is_no_reference_is_refused() -> None:
    good = to_tensors(reference_of(real(), groups=True))
    bad = [
        {name: tensor for name, tensor in good.items() if name != "halves.01.mean"},
        good | {"groups.03.scatter": good["groups.03.scatter"][:-1]},
        good | {"groups.03.mean": good["groups.03.mean"] * np.nan},
        good | {"groups.03.mean": good["groups.03.mean"].astype(np.float32)},
        good | {"groups.count": good["groups.count"][:7]},
        good | {"halves.count": np.array([D, 200])},
    ]
    for tensors in bad:
        with pytest.raises((KeyError, ValueError)):
            from_tensors(tensors, D)
    with pytest.raises(ValueError, match="state 0 of groups"):
        from_tensors(good, 10**9)  # asks for no memory


@pytest.mark.parametrize("groups", [True, False])
def test_halves_that_leave_a_few_films_of_the_whole_are_not_published(groups: bool) -> None:
    of = grouped(REAL.patients) % 2
    for left, published in ((0, True), (1, False), (D, False), (D + 1, True)):
        halves = np.where(np.arange(len(of)) >= np.flatnonzero(of == 0)[left], of, np.where(of == 0, -1, of))
        reference = reference_of(REAL.side(halves), groups=groups)
        assert bool(reference.halves) == published, left
