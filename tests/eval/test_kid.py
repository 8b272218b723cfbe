import numpy as np
import pytest
import torch
from cleanfid.fid import kernel_distance
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_kid import kid_features_to_metric
from torchmetrics.image.kid import poly_mmd

from eval.feature_rows import merge_all
from eval.floors import plan_floor
from eval.groups import GROUPS, groups
from eval.kid import KID, SUBSET, kid_score, result
from tests.eval.feature_sets import AWKWARD, awkward, rows


def by_definition(real: np.ndarray, synthetic: np.ndarray) -> float:
    """The unbiased MMD^2, in the longest floats that there are."""
    x, y = real.astype(np.longdouble), synthetic.astype(np.longdouble)
    m, n, d = len(x), len(y), x.shape[1]
    xx, yy, xy = ((np.einsum("id,jd->ij", a, b) / d + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within = (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1))
    return float(within - 2 * xy.sum() / (m * n))


def normal(count: int, dimension: int, seed: int, shift: float = 0.0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)) + shift
    return vectors.astype(np.float32)


@pytest.mark.parametrize("kind", AWKWARD)
def test_one_full_subset_is_the_definition_on_awkward_features(kind: str) -> None:
    real, synthetic = awkward(kind)
    found = result(rows(real), rows(synthetic, "s"))
    assert found.subsets == 1
    assert found.value == pytest.approx(by_definition(real, synthetic), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("kind", AWKWARD)
def test_one_full_subset_is_torch_fidelity_s_torchmetrics_and_clean_fid_s(kind: str) -> None:
    real, synthetic = (side.astype(np.float64) for side in awkward(kind))
    ours = result(rows(awkward(kind)[0]), rows(awkward(kind)[1], "s")).value
    n = len(real)
    fidelity = kid_features_to_metric(
        torch.from_numpy(real), torch.from_numpy(synthetic), kid_subsets=1, kid_subset_size=n, verbose=False
    )["kernel_inception_distance_mean"]
    # What they lose of float64's digits are those of the kernel itself: its values are 7e8 at a mean of 30.
    kernel = ((real[:50] @ synthetic[:50].T / real.shape[1] + 1) ** 3).max()
    exact = {"rel": 1e-12, "abs": 1e-13 * kernel}
    assert ours == pytest.approx(fidelity, **exact)
    assert ours == pytest.approx(
        float(poly_mmd(torch.from_numpy(real), torch.from_numpy(synthetic))), **exact
    )
    assert ours == pytest.approx(kernel_distance(real, synthetic, num_subsets=1, max_subset_size=n), **exact)


def test_a_hundred_subsets_agree_with_torch_fidelity_in_mean_to_the_spread() -> None:
    real, synthetic = normal(1500, 16, 1), normal(1300, 16, 2, 0.1)
    ours = result(rows(real), rows(synthetic, "s"))
    theirs = kid_features_to_metric(
        *(torch.from_numpy(side.astype(np.float64)) for side in (real, synthetic)),
        kid_subsets=100,
        kid_subset_size=SUBSET,
        verbose=False,
    )
    assert ours.subsets == 100
    # The mean of a hundred overlapping subsets is told to a tenth of their spread.
    tolerance = 0.5 * theirs["kernel_inception_distance_std"]
    assert ours.value == pytest.approx(theirs["kernel_inception_distance_mean"], abs=tolerance)
    assert ours.spread == pytest.approx(theirs["kernel_inception_distance_std"], rel=0.3)
    assert ours.value == pytest.approx(by_definition(real, synthetic), abs=tolerance)


def test_all_films_in_one_subset_are_torchmetrics_s_subset_of_that_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, synthetic = normal(1300, 16, 1), normal(1300, 16, 2, 0.1)
    ours = result(rows(real), rows(synthetic, "s"), whole=True)
    theirs = poly_mmd(*(torch.from_numpy(side.astype(np.float64)) for side in (real, synthetic)))
    assert (ours.subsets, ours.value) == (1, pytest.approx(float(theirs), rel=1e-10))
    assert not np.isnan(ours.left_out.replicates).any()
    monkeypatch.setattr("eval.kid._TILE", 90_000)  # and no tile decides anything
    tiled = result(rows(real), rows(synthetic, "s"), whole=True)
    assert tiled.value == pytest.approx(ours.value, rel=1e-11)
    assert tiled.left_out.replicates == pytest.approx(ours.left_out.replicates, rel=1e-11)


def test_a_side_of_few_films_is_whole_in_every_subset() -> None:
    real, synthetic = normal(1200, 4, 3), normal(30, 4, 4, 0.3)
    ours = result(rows(real), rows(synthetic, "s"))
    assert ours.subsets == 100
    assert ours.value == pytest.approx(by_definition(real, synthetic), rel=0.05)


def test_each_left_out_value_misses_one_group_of_patients_on_both_sides() -> None:
    real, synthetic = rows(normal(300, 6, 5)), rows(normal(200, 6, 6, 0.2), "s")
    left_out = result(real, synthetic).left_out
    for group in range(GROUPS):
        rest = [side.features[groups(side.patients) != group] for side in (real, synthetic)]
        assert left_out.replicates[group] == pytest.approx(by_definition(*rest), rel=1e-9)
    assert left_out.films.sum(0).tolist() == [300, 200]


REAL, SYNTHETIC = rows(normal(1100, 5, 7)), rows(normal(400, 5, 8, 0.2), "s")
PLAN = plan_floor(REAL.patients, REAL.keys, SYNTHETIC.keys)


def test_value_interval_and_floor_are_those_of_their_films() -> None:
    score = kid_score(REAL, SYNTHETIC, PLAN, extractor="x", digest="d", reference="r")
    half = PLAN.half(REAL.patients, REAL.keys)
    halves = [REAL.features[half == number] for number in (0, 1)]
    matched = SYNTHETIC.features[PLAN.matched(SYNTHETIC.keys)]
    assert score.floor == pytest.approx(by_definition(*halves), rel=1e-9)
    assert score.value_at_floor == pytest.approx(by_definition(halves[0], matched), rel=1e-9)
    assert (score.n_real, score.n_synthetic, score.n_floor) == (1100, 400, PLAN.n)
    assert score.value is not None and score.low is not None and score.high is not None
    assert score.low < score.value < score.high
    assert score.floor is not None and abs(score.floor) < score.value
    assert score.note is not None and "no interval" in score.note


def same(a: KID, b: KID) -> bool:
    replicates = [kid.left_out.replicates.tobytes() for kid in (a, b)]
    return (a.value, a.spread, replicates[0]) == (b.value, b.spread, replicates[1])


@given(st.lists(st.integers(0, 400), max_size=4), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=20)
def test_no_bit_depends_on_sharding(cuts, random) -> None:
    parts = [SYNTHETIC.take(films) for films in np.split(np.arange(400), sorted(cuts))]
    random.shuffle(parts)
    assert same(result(merge_all(parts, 5), SYNTHETIC), result(SYNTHETIC, SYNTHETIC))


def test_which_films_a_subset_takes_does_not_depend_on_their_order() -> None:
    shuffled = REAL.take(np.random.default_rng(9).permutation(REAL.count))
    assert same(result(shuffled, SYNTHETIC), result(REAL, SYNTHETIC))


def test_a_kid_needs_two_films_a_side() -> None:
    with pytest.raises(ValueError, match="two films"):
        result(rows(normal(1, 4, 1)), rows(normal(9, 4, 1), "s"))
