from functools import reduce

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_isc import isc_features_to_metric
from torchmetrics.image.inception import InceptionScore

from eval.groups import GROUPS
from eval.inception_score import (
    ClassSums,
    inception_score,
    inception_score_10,
    left_out,
    merge,
    result,
    split_edges,
    splits,
    update,
)

CLASSES = 30
RNG = np.random.default_rng(0)
LOGITS = (RNG.normal(size=(200, CLASSES)) * 3).astype(np.float32)
MEMBERS = RNG.integers(GROUPS, size=200)
MATCHED = RNG.random(200) < 0.4


def state(films: np.ndarray | slice = slice(None)) -> ClassSums:
    return update(ClassSums.empty(CLASSES), LOGITS[films], MEMBERS[films], MATCHED[films])


def reference(logits: np.ndarray) -> float:
    found = isc_features_to_metric(torch.from_numpy(logits), splits=1)
    return float(found["inception_score_mean"])


@pytest.mark.parametrize("scale", [0.01, 1.0, 20.0])
def test_one_split_is_torch_fidelity_s(scale: float) -> None:
    logits = LOGITS * np.float32(scale)
    ours = update(ClassSums.empty(CLASSES), logits, MEMBERS, MATCHED)
    assert result(ours) == pytest.approx(reference(logits), rel=1e-12)


def test_sure_and_even_is_worth_its_classes_and_one_film_again_and_again_is_worth_one() -> None:
    sure = np.eye(CLASSES, dtype=np.float32)[np.arange(90) % CLASSES] * 1e4
    groups, none = np.zeros(90, np.int64), np.zeros(90, np.bool_)
    assert result(update(ClassSums.empty(CLASSES), sure, groups, none)) == pytest.approx(CLASSES, rel=1e-12)
    same = np.tile(LOGITS[:1], (90, 1))
    assert result(update(ClassSums.empty(CLASSES), same, groups, none)) == pytest.approx(1, rel=1e-12)


@given(st.lists(st.integers(0, 200), max_size=6), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_value_does_not_depend_on_shards_order_or_merge_tree(cuts, random) -> None:
    states = [state(films) for films in np.split(np.arange(200), sorted(cuts))]
    while len(states) > 1:
        random.shuffle(states)
        states.append(merge(states.pop(), states.pop()))
    assert states[0].films == 200
    assert result(states[0]) == pytest.approx(result(state()), rel=1e-12)
    assert left_out(states[0]).replicates == pytest.approx(left_out(state()).replicates, rel=1e-12)


def test_rows_have_intervals_and_what_real_films_reach_at_the_same_number() -> None:
    assert left_out(state()).replicates == pytest.approx(
        [reference(LOGITS[group != MEMBERS]) for group in range(GROUPS)], rel=1e-12
    )
    real_logits = LOGITS[:150] * np.float32(2)
    real = update(ClassSums.empty(CLASSES), real_logits, MEMBERS[:150], ~MATCHED[:150])
    score = inception_score(real, state(), extractor="x", digest="d", reference="r")
    assert score.value == pytest.approx(reference(LOGITS), rel=1e-12)
    assert score.ceiling == pytest.approx(reference(real_logits[~MATCHED[:150]]), rel=1e-12)
    assert score.value_at_floor == pytest.approx(reference(LOGITS[MATCHED]), rel=1e-12)
    assert (score.n_real, score.n_synthetic, score.floor) == (150, 200, 1)
    assert score.value is not None and score.low is not None and score.high is not None
    assert score.low < score.value < score.high


@pytest.mark.parametrize("films", [200, 97, 12, 3])
@pytest.mark.filterwarnings("ignore:Metric `InceptionScore`")
def test_ten_splits_are_torchmetrics_s_of_films_in_the_order_of_their_keys(
    films: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = np.random.default_rng(films).integers(0, 2**64, films, dtype=np.uint64)
    monkeypatch.setattr(torch, "randperm", torch.arange)  # in the order that it is given
    metric = InceptionScore(feature=torch.nn.Identity())
    metric.update(torch.from_numpy(LOGITS[np.argsort(keys)].astype(np.float64)))
    mean = float(metric.compute()[0])
    parts = [
        update(ClassSums.empty(CLASSES), LOGITS[at], splits(keys[at], split_edges(keys)), MATCHED[at])
        for at in np.array_split(np.arange(films), 7)
    ]
    score = inception_score_10(state(), reduce(merge, parts), extractor="x", digest="d", reference="r")
    assert score.value == pytest.approx(mean, rel=1e-12)
    assert score.note is not None and "no interval" in score.note
    assert (score.low, score.n_synthetic) == (None, films)


def test_other_classes_and_no_films_are_refused() -> None:
    with pytest.raises(ValueError, match="30 classes"):
        update(state(), LOGITS[:, :4], MEMBERS, MATCHED)
    with pytest.raises(ValueError, match="needs a film"):
        result(ClassSums.empty(4))
