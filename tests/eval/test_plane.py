from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from eval.moments import Moments, update
from eval.plane import principal_plane


def clouds(n: int, m: int, dimension: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(dimension, dimension))
    real, synthetic = rng.normal(size=(n, dimension)) @ mixing, rng.normal(size=(m, dimension)) @ mixing
    return real.astype(np.float32), (0.8 * synthetic + 1).astype(np.float32)


def moments(features: np.ndarray) -> Moments:
    return update(Moments(features.shape[1]), features)


def test_the_plane_of_two_sides_of_one_size_is_that_of_scikit_learn() -> None:
    real, synthetic = clouds(4000, 4000)
    both = np.concatenate([real, synthetic])
    plane, peer = principal_plane(moments(real), moments(synthetic)), PCA(2).fit(both)
    # Its covariance has another divisor within a side: 1 in 8,000.
    assert plane.shares == pytest.approx(tuple(peer.explained_variance_ratio_), rel=1e-3)
    ours, theirs = plane.place(both), peer.transform(both)
    assert np.abs(np.abs(ours) - np.abs(theirs)).max() < 1e-2 * np.abs(theirs).max()


def test_the_larger_side_does_not_decide_the_plane() -> None:
    real, synthetic = clouds(200, 300)
    once = principal_plane(moments(real), moments(synthetic))
    often = principal_plane(moments(real), moments(np.tile(synthetic, (200, 1))))
    assert np.abs(once.axes.T @ often.axes) == pytest.approx(np.eye(2), abs=5e-3)


def test_axes_point_to_where_their_largest_entry_is_positive() -> None:
    real, synthetic = clouds(50, 60)
    axes = principal_plane(moments(real), moments(synthetic)).axes
    assert (axes[np.abs(axes).argmax(0), [0, 1]] > 0).all()
    assert axes.T @ axes == pytest.approx(np.eye(2), abs=1e-12)


def test_films_that_are_all_alike_lie_in_one_point() -> None:
    same = np.full((5, 3), 7, np.float32)
    plane = principal_plane(moments(same), moments(same))
    assert plane.shares == (0, 0) and np.ptp(plane.place(same), axis=0) == pytest.approx([0, 0])
    with pytest.raises(ValueError, match="two vectors"):
        principal_plane(moments(same), moments(same[:1]))
