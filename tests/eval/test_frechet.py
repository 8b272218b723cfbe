import numpy as np
import pytest
from pytorch_fid.fid_score import calculate_frechet_distance

from eval.frechet import _root, _spread_of_full_ranks, frechet_distance
from eval.moments import Moments, fold, merge_all, result, update


def features(count: int, dimension: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Like a network's: correlated, positive, with some that are always zero."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(dimension, dimension)) / np.sqrt(dimension)
    vectors = np.maximum(rng.normal(size=(count, dimension)) @ mixing + 0.3 + shift, 0)
    vectors[:, : dimension // 16] = 0
    return vectors.astype(np.float32)


def state(vectors: np.ndarray) -> Moments:
    return update(Moments(vectors.shape[1]), vectors)


def reference(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(
        calculate_frechet_distance(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))
    )


@pytest.mark.parametrize(("n_real", "n_synthetic"), [(400, 300), (400, 20), (30, 20), (64, 65)])
def test_the_distance_is_pytorch_fid_s(n_real: int, n_synthetic: int) -> None:
    real, synthetic = features(n_real, 64, 1), features(n_synthetic, 64, 2, shift=0.2)
    # With singular covariances the reference adds 1e-6 to their diagonals, and so is the less exact.
    tolerance = 1e-6 if n_synthetic > 65 else 1e-3
    ours = frechet_distance(state(real), state(synthetic))
    assert ours == pytest.approx(reference(real, synthetic), rel=tolerance)


def test_two_gaussians_have_the_distance_of_the_closed_form() -> None:
    rng = np.random.default_rng(3)
    a = rng.normal(size=(5000, 8))
    a = (a - a.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(a, rowvar=False))).T  # exactly white
    b = 3 * a + 2
    # |2|^2 * 8 + Tr(I + 9 I - 2 * 3 I) = 32 + 8 * 4
    ours = frechet_distance(state(a.astype(np.float32)), state(b.astype(np.float32)))
    assert ours == pytest.approx(64, rel=1e-5)


@pytest.mark.parametrize("count", [20, 300])
def test_a_set_is_at_no_distance_from_itself(count: int) -> None:
    one = state(features(count, 64, 4))
    assert abs(frechet_distance(one, one)) < 1e-11


def by_singular_values(real: Moments, synthetic: Moments) -> float:
    """The spread, with no eigenvalue."""
    roots = [_root(side) for side in (real, synthetic)]
    cross = np.linalg.svd(roots[0].T @ roots[1], compute_uv=False).sum()
    return float(sum((root**2).sum() for root in roots) - 2 * cross)


def between(real: Moments, synthetic: Moments) -> float:
    """The squared distance of the means."""
    shift = result(real)[1] - result(synthetic)[1]
    return float(shift @ shift)


def no_svd(*_: object, **__: object) -> None:
    raise AssertionError("singular values")


@pytest.mark.parametrize("decades", range(0, 13, 2))
def test_eigenvalues_are_as_exact_as_singular_values_or_not_taken(decades: int) -> None:
    """Of covariances with eigenvalues over so many decades, in unlike directions."""
    rng = np.random.default_rng(decades)
    sides = []
    for _ in range(2):
        turn = np.linalg.qr(rng.normal(size=(64, 64)))[0]
        vectors = rng.normal(size=(200, 64)) * np.logspace(0, -decades / 2, 64) @ turn
        sides.append(fold(state(vectors.astype(np.float32))))
    quick, exact = _spread_of_full_ranks(*sides), by_singular_values(*sides)
    assert (quick is not None) == (decades <= 6)
    assert quick is None or abs(quick - exact) <= 1e-13 * sum(np.trace(result(side)[2]) for side in sides)


@pytest.mark.parametrize("counts", [(300, 200), (300, 30), (40, 30)])
def test_singular_covariances_are_measured_by_eigenvalues_too(
    counts: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features that are always 0, and fewer vectors than features: singular values take thrice the time."""
    sides = [state(features(count, 64, seed, 0.1 * seed)) for seed, count in enumerate(counts)]
    exact = by_singular_values(*(fold(side) if side.folded else side for side in sides))
    with monkeypatch.context() as patch:
        patch.setattr(np.linalg, "svd", no_svd)
        found = frechet_distance(*sides)
    variance = sum(np.trace(result(side)[2]) for side in sides)
    assert found == pytest.approx(between(*sides) + exact, abs=1e-12 * variance)


@pytest.mark.parametrize("decades", [10, 12])
def test_eigenvalues_that_cannot_be_exact_are_not_computed(
    decades: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(decades)
    spread = np.logspace(0, -decades / 2, 64)
    real, synthetic = (state((rng.normal(size=(300, 64)) * spread).astype(np.float32)) for _ in "ab")
    exact = by_singular_values(fold(real), fold(synthetic))

    def computed(*_: object) -> None:
        raise AssertionError("eigenvalues")

    monkeypatch.setattr(np.linalg, "eigvalsh", computed)
    assert frechet_distance(real, synthetic) == pytest.approx(between(real, synthetic) + exact, rel=1e-12)


@pytest.mark.parametrize("counts", [(300, 200), (300, 30), (40, 30)])
def test_the_distance_does_not_depend_on_sharding(counts: tuple[int, int]) -> None:
    real, synthetic = features(counts[0], 64, 5), features(counts[1], 64, 6)
    values = [
        frechet_distance(
            merge_all((state(part) for part in np.array_split(real, shards)), 64),
            merge_all((state(part) for part in np.array_split(synthetic, shards)), 64),
        )
        for shards in (1, 3, 17)
    ]
    assert values[1:] == pytest.approx(values[:1] * 2, rel=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_duplicated_vectors_far_from_the_origin_have_one_distance_however_they_are_sharded(seed: int) -> None:
    rng = np.random.default_rng(seed)
    few = np.repeat(30 + 0.05 * rng.normal(size=(4, 8)), 8, axis=0).astype(np.float32)
    real = state((30 + 0.05 * rng.normal(size=(200, 8))).astype(np.float32))
    values = [
        frechet_distance(real, merge_all((state(part) for part in np.array_split(few, shards)), 8))
        for shards in (1, 2, 3, 5)
    ]
    assert values[1:] == pytest.approx(values[:1] * 3, rel=1e-12)


@pytest.mark.parametrize("decades", [0, 3, 5, 7])
def test_full_ranks_are_at_no_distance_from_themselves_and_do_not_depend_on_sharding(decades: int) -> None:
    rng = np.random.default_rng(decades)
    real, synthetic = (
        (rng.normal(size=(300, 64)) * np.logspace(0, -decades / 2, 64) + 1).astype(np.float32) for _ in "ab"
    )
    assert abs(frechet_distance(state(real), state(real))) < 1e-11
    values = [
        frechet_distance(state(real), merge_all((state(p) for p in np.array_split(synthetic, shards)), 64))
        for shards in (1, 3, 17)
    ]
    assert values[1:] == pytest.approx(values[:1] * 2, rel=1e-12)


def test_few_vectors_have_one_distance_folded_or_not() -> None:
    real, few = state(features(300, 64, 7)), state(features(30, 64, 8))
    assert frechet_distance(real, fold(few)) == pytest.approx(frechet_distance(real, few), rel=1e-10)


def test_one_vector_has_no_covariance() -> None:
    with pytest.raises(ValueError, match="two vectors"):
        frechet_distance(state(features(1, 64, 1)), state(features(9, 64, 1)))
