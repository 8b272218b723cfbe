from __future__ import annotations

import numpy as np
import pytest

from eval.triangle import add_outer, pack, size, unpack


@pytest.mark.parametrize("dimension", [1, 2, 7, 40])
def test_a_triangle_holds_a_symmetric_matrix_to_the_last_bit(dimension: int) -> None:
    rows = np.random.default_rng(dimension).normal(size=(60, dimension))
    matrix = rows.T @ rows
    triangle = pack(matrix)
    assert triangle.shape == (size(dimension),)
    assert np.array_equal(triangle, matrix[np.tril_indices(dimension)])
    assert np.array_equal(unpack(triangle, dimension), matrix)


def test_an_outer_product_is_added_to_the_last_bit() -> None:
    x, matrix = np.random.default_rng(0).normal(size=9), np.eye(9)
    triangle = pack(matrix)
    add_outer(triangle, x, 0.3)
    assert np.array_equal(triangle, pack(matrix + np.outer(x, x * 0.3)))


def test_a_triangle_of_another_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match="not of dimension 4"):
        unpack(np.zeros(size(5)), 4)
