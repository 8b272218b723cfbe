from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.feature_rows import FeatureRows
from eval.nearest import Nearest, Search, merge
from tests.eval.feature_sets import AWKWARD, awkward, rows

K = 5


def by_definition(search: Search, among: FeatureRows) -> Nearest:
    """From all exact differences, sorted by distance and then by key."""
    films, found = search.films, Nearest.empty(search.films.count, K)
    for film in range(films.count):
        others = search.own_patients | (among.patients != films.patients[film])
        differences = among.features[others].astype(np.float64) - films.features[film]
        distances, keys = (differences**2).sum(1), among.keys[others]
        order = np.lexsort((keys, distances))[:K]
        found.distances[film, : len(order)] = distances[order]
        found.keys[film, : len(order)] = keys[order]
    return found


@pytest.mark.parametrize("kind", AWKWARD)
@pytest.mark.parametrize("own_patients", [True, False])
def test_neighbours_are_those_of_exact_differences(kind: str, own_patients: bool) -> None:
    real, synthetic = awkward(kind)
    among = rows(real)
    for films in (rows(synthetic, "s"), among.take(np.arange(min(40, among.count)))):
        search = Search.of(films, own_patients)
        found = search.update(Nearest.empty(films.count, K), among)
        expected = by_definition(search, among)
        assert np.array_equal(found.keys, expected.keys)
        assert found.distances == pytest.approx(expected.distances, rel=1e-12)


@settings(max_examples=30)
@given(st.data())
def test_neighbours_do_not_depend_on_shards_order_or_merges(data: st.DataObject) -> None:
    real, synthetic = awkward(data.draw(st.sampled_from(["usual", "duplicated", "all constant"])), 6)
    among = rows(real[data.draw(st.permutations(range(60)))])
    search = Search.of(rows(synthetic[:15], "s"), own_patients=True)
    empty = Nearest.empty(15, K)
    whole = search.update(empty, among)
    cuts = sorted(data.draw(st.lists(st.integers(0, 60), max_size=6)))
    parts = [among.take(part) for part in np.split(np.arange(60), cuts)]
    merged = reduce(merge, [search.update(empty, part) for part in parts], empty)
    one_by_one = reduce(search.update, reversed(parts), empty)
    for state in (merged, one_by_one):
        assert np.array_equal(state.keys, whole.keys)
        assert np.array_equal(state.distances, whole.distances)


def test_of_too_few_films_the_rest_are_infinitely_far() -> None:
    among = rows(np.eye(3, 4, dtype=np.float32))
    search = Search.of(rows(np.zeros((2, 4), np.float32), "s"), own_patients=True)
    found = search.update(Nearest.empty(2, K), among)
    assert np.isinf(found.distances[:, 3:]).all() and (found.distances[:, :3] == 1).all()
    assert np.array_equal(found.keys[:, :3], np.sort(among.keys)[None].repeat(2, 0))


def test_a_copy_under_the_name_of_its_own_report_is_found() -> None:
    among = rows(awkward("usual")[0])
    found = Search.of(among.take(np.arange(5)), own_patients=True).update(Nearest.empty(5, K), among)
    assert np.array_equal(found.keys[:, 0], among.keys[:5])
    assert not found.distances[:, 0].any()
