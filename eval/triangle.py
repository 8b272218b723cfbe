"""Symmetric matrices as one triangle: states hold dozens of them, and half the memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Triangle = NDArray[np.float64]
"""(d (d + 1) / 2,): the rows of a (d, d) matrix up to its diagonal, one after another."""


def pack(matrix: NDArray[np.float64]) -> Triangle:
    """The lower triangle of a matrix (d, d)."""
    return np.concatenate([row[: at + 1] for at, row in enumerate(matrix)])


def unpack(triangle: Triangle, dimension: int) -> NDArray[np.float64]:
    """The symmetric matrix (d, d) that was packed. Raises ValueError for a triangle of another dimension."""
    if triangle.shape != (size(dimension),):
        raise ValueError(f"a triangle {triangle.shape} is not of dimension {dimension}")
    matrix = np.empty((dimension, dimension))
    for at, row in enumerate(_rows(triangle, dimension)):
        matrix[at, : at + 1] = matrix[: at + 1, at] = row
    return matrix


def add_outer(triangle: Triangle, x: NDArray[np.float64], weight: float) -> None:
    """Adds weight x x' (d, d), in place."""
    weighted = x * weight
    for at, row in enumerate(_rows(triangle, len(x))):
        row += x[at] * weighted[: at + 1]


def size(dimension: int) -> int:
    return dimension * (dimension + 1) // 2


def _rows(triangle: Triangle, dimension: int) -> list[NDArray[np.float64]]:
    """Views of the rows."""
    return [triangle[size(at) : size(at + 1)] for at in range(dimension)]
