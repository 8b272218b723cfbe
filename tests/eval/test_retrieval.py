from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval import retrieval
from eval.alignment import Alignment, alignment_differences, alignment_scores, merge, result, update
from eval.groups import film_keys, patient_hashes, stable_hash
from eval.retrieval import BATCH, Candidates, Pairs, ranks, retrieve
from eval.retrieval import update as update_candidates

WIDTH = 8


def pairs(count: int, seed: int, likeness: float, texts: int | None = None) -> Pairs:
    """Films of `count` / 2 patients, each with a report of its own (or of `texts` different ones)."""
    rng = np.random.default_rng(seed)
    reports = rng.normal(size=(count, WIDTH))
    films = likeness * reports + rng.normal(size=(count, WIDTH))
    ids = [f"study-{index}" for index in range(count)]
    said = [index % (texts or count) for index in range(count)]
    return Pairs.of(
        films.astype(np.float32),
        reports[said].astype(np.float32),
        patient_hashes([f"patient-{index // 2}" for index in range(count)], ids),
        film_keys(ids, [0] * count),
        np.array([stable_hash(f"text/{number}") for number in said], np.uint64),
    )


def scored(synthetic: Alignment, real: Alignment) -> dict[str, tuple[float | None, ...]]:
    rows = alignment_scores(real, synthetic, matcher="m", digest="d", reference="r")
    return {row.metric: (row.value, row.low, row.high, row.floor, row.ceiling) for row in rows}


ALL = pairs(450, 1, 1.0)
REAL = update(Alignment.empty(WIDTH), pairs(300, 2, 2.0))


@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 450), max_size=5),
    st.permutations(range(6)),
    st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_values_do_not_depend_on_shards_their_order_or_the_merges(cuts, order, leaning) -> None:
    bounds = [0, *sorted(cuts), 450]
    parts = [
        update(Alignment.empty(WIDTH), ALL.take(np.arange(start, stop)))
        for start, stop in itertools.pairwise(bounds)
    ]
    state = Alignment.empty(WIDTH)
    for place in (place for place in order if place < len(parts)):
        state = merge(state, parts[place]) if leaning[place] else merge(parts[place], state)
    expected = update(Alignment.empty(WIDTH), ALL)
    for name in ("values", "patients", "keys"):
        np.testing.assert_array_equal(getattr(state.ordered(), name), getattr(expected.ordered(), name))
    found, ranks_ = (retrieve(of.candidates.chosen()) for of in (state, expected))
    np.testing.assert_array_equal(found.ranks, ranks_.ranks)
    np.testing.assert_array_equal(found.patients, ranks_.patients)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 300), max_size=6), st.integers(20, 260))
def test_trimmed_candidates_are_those_of_all_films(cuts: list[int], texts: int) -> None:
    films = pairs(300, 3, 1.0, texts)
    whole = Candidates(WIDTH, (films,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "BATCH", 10)
        patch.setattr(retrieval, "BATCHES", 3)
        state = Candidates(WIDTH)
        bounds = [0, *sorted(cuts), 300]
        for start, stop in itertools.pairwise(bounds):
            state = update_candidates(state, films.take(np.arange(start, stop)))
        expected = whole.chosen()
        assert len(expected.keys) == min(30, texts) == len(np.unique(expected.texts))
        assert state.count <= 2 * 30 + 300
        for name in ("films", "reports", "patients", "keys", "texts"):
            np.testing.assert_array_equal(getattr(state.chosen(), name), getattr(expected, name))


def test_ranks_are_how_many_other_reports_are_nearer_and_ties_count_against() -> None:
    films = pairs(60, 5, 0.7)
    cosines = films.films @ films.reports.T
    expected = [sum(row[j] > row[i] for j in range(60) if j != i) for i, row in enumerate(cosines)]
    assert ranks(cosines).tolist() == expected
    assert (ranks(np.ones((60, 60))) == 59).all()  # a model that tells nothing apart finds nothing


def test_a_report_is_looked_for_among_a_hundred_different_ones() -> None:
    many = Candidates(WIDTH, (pairs(450, 1, 1.0),)).chosen()
    assert len(retrieve(many).ranks) == 4 * BATCH
    few = Candidates(WIDTH, (pairs(450, 1, 1.0, texts=99),)).chosen()
    assert len(retrieve(few).ranks) == 0  # no hundred say different things
    found = retrieve(many)
    first = many.take(np.arange(BATCH))
    np.testing.assert_array_equal(found.ranks[:BATCH], ranks(first.films @ first.reports.T))


def test_rows_have_interval_floor_and_ceiling_in_their_order() -> None:
    state = update(Alignment.empty(WIDTH), ALL)
    rows = scored(state, REAL)
    assert list(rows) == ["alignment", "retrieval_r1", "retrieval_r5", "retrieval_r10"]
    for value, low, high, floor, ceiling in rows.values():
        assert floor < low < value < high < ceiling
    assert rows["alignment"][0] == result(state) == pytest.approx(ALL.cosines().mean(), rel=1e-12)
    assert abs(rows["alignment"][3]) < 0.1  # another patient's report
    assert [rows[f"retrieval_r{at}"][3] for at in (1, 5, 10)] == [0.01, 0.05, 0.1]


def test_films_without_reports_have_rows_without_values() -> None:
    rows = scored(Alignment.empty(WIDTH), Alignment.empty(WIDTH))
    assert {row[0] for row in rows.values()} == {None}
    few = scored(update(Alignment.empty(WIDTH), pairs(40, 1, 1.0)), Alignment.empty(WIDTH))
    assert few["alignment"][0] is not None and few["retrieval_r1"][0] is None


def test_a_floor_is_with_the_report_of_another_patient() -> None:
    films = pairs(40, 1, 1.0)
    wrong = films.with_wrong_reports()
    whose = dict(zip(films.texts, films.patients, strict=True))
    assert len(wrong.keys) == 40
    assert all(whose[text] != patient for text, patient in zip(wrong.texts, wrong.patients, strict=True))
    alone = Pairs(films.films, films.reports, np.zeros(40, np.uint64), films.keys, films.texts)
    assert len(alone.with_wrong_reports().keys) == 0


def test_two_models_differ_by_the_difference_of_their_values() -> None:
    ours, rival = (update(Alignment.empty(WIDTH), pairs(250, 7, likeness)) for likeness in (1.5, 1.0))
    found = alignment_differences(ours, rival)
    values = scored(ours, REAL), scored(rival, REAL)
    for metric, difference in found.items():
        assert difference.value == pytest.approx(values[0][metric][0] - values[1][metric][0])
        assert difference.p is not None and difference.p < 0.05
    assert list(found) == list(values[0])
    same = alignment_differences(ours, ours)["alignment"]
    assert (same.value, same.p) == (0, 1)


def test_states_of_two_dimensions_do_not_merge() -> None:
    with pytest.raises(ValueError, match="different dimensions"):
        merge(Alignment.empty(3), Alignment.empty(4))
    with pytest.raises(ValueError, match="needs a film"):
        result(Alignment.empty(3))
