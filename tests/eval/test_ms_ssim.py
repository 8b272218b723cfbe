from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_msssim import ms_ssim
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from eval.ms_ssim import (
    REFLECTED,
    SMALLEST,
    VALID,
    Likeness,
    Sample,
    merge,
    ms_ssim_scores,
    result,
    similarities,
    update,
)


def films(count: int, height: int = 178, width: int = 180, seed: int = 0, noise: float = 60.0) -> np.ndarray:
    """Films (count, h, w) that share a pattern."""
    rng = np.random.default_rng(seed)
    pattern = np.sin(np.linspace(0, 9, height))[:, None] * np.cos(np.linspace(0, 5, width))
    return (
        (128 + 90 * pattern + noise * rng.normal(size=(count, height, width))).clip(0, 255).astype(np.uint8)
    )


def reference(a: np.ndarray, b: np.ndarray, dtype: torch.dtype = torch.float32) -> float:
    pair = (torch.from_numpy(film).to(dtype)[None, None] / 255 for film in (a, b))
    return float(multiscale_structural_similarity_index_measure(*pair, data_range=1.0))


@pytest.mark.parametrize("shape", [(176, 176), (179, 250), (256, 256)])
@pytest.mark.parametrize("noise", [3.0, 60.0])
def test_a_pair_has_torchmetrics_s_value(shape: tuple[int, int], noise: float) -> None:
    four = films(4, *shape, noise=noise)
    ours = similarities(four / 255)
    for value, (a, b) in zip(ours[:, REFLECTED], combinations(four, 2), strict=True):
        assert value == pytest.approx(reference(a, b), abs=1e-5)
        assert value == pytest.approx(reference(a, b, torch.float64), abs=1e-7)  # its weights are float32


@pytest.mark.parametrize("shape", [(176, 192), (179, 250)])  # the latter is halved to odd sides
def test_without_edges_a_pair_has_pytorch_msssim_s_value(shape: tuple[int, int]) -> None:
    three = films(3, *shape)
    ours = similarities(three / 255)[:, VALID]
    a, b = ([three[i] for i in side] for side in ((0, 0, 1), (1, 2, 2)))
    x, y = (torch.from_numpy(np.stack(side))[:, None].double() / 255 for side in (a, b))
    theirs = ms_ssim(x, y, data_range=1.0, size_average=False)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)  # its window and weights are float32


def test_a_film_is_wholly_like_itself_and_not_at_all_like_its_negative() -> None:
    film = films(1)[0] / 255
    alike, opposite, _ = similarities(np.stack([film, film, 1 - film]))[:, REFLECTED]
    assert alike == pytest.approx(1, abs=1e-12)
    assert opposite < 0.1


def test_a_constant_film_is_compared_without_a_division_by_nothing() -> None:
    flat = np.zeros((2, SMALLEST, SMALLEST))
    assert similarities(flat).tolist() == [[1.0, 1.0]]


def samples(prompts: int, height: int = 178, width: int = 180, each: int = 4) -> list[Sample]:
    drawn = films(prompts * each, height, width)
    return [Sample(n // each + 1, n // each // 2, n % each, film) for n, film in enumerate(drawn)]


def test_the_value_is_the_mean_over_prompts_of_the_mean_over_six_pairs() -> None:
    four = samples(3)
    state = update(Likeness.empty(), four)
    expected = [
        np.mean(
            [reference(a.film, b.film, torch.float64) for a, b in combinations(four[4 * n : 4 * n + 4], 2)]
        )
        for n in range(3)
    ]
    assert state.values[:, REFLECTED] == pytest.approx(expected, abs=1e-7)
    assert result(state) == pytest.approx(np.mean(expected), abs=1e-7)
    assert state.waiting == ()


WHOLE = samples(5)
EXPECTED = update(Likeness.empty(), WHOLE)


@given(st.lists(st.integers(0, 20), max_size=6), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=10)
def test_no_bit_depends_on_shards_order_or_merge_tree(cuts, random) -> None:
    ends = [0, *sorted(cuts), 20]
    states = [update(Likeness.empty(), WHOLE[a:b]) for a, b in pairwise(ends)]
    while len(states) > 1:
        random.shuffle(states)
        states.append(merge(states.pop(), states.pop()))
    assert states[0].values.tobytes() == EXPECTED.values.tobytes()
    assert states[0].prompts.tobytes() == EXPECTED.prompts.tobytes()
    assert states[0].waiting == ()


def test_prompts_with_fewer_films_have_no_part_and_a_fifth_film_none_either() -> None:
    state = update(Likeness.empty(), [*samples(1, each=5), *samples(2, each=3)[3:]])
    assert (state.prompts.tolist(), len(state.waiting)) == ([1], 3)
    with pytest.raises(ValueError, match="4 films"):
        result(update(Likeness.empty(), samples(2, each=3)))


def test_small_films_are_resized_and_the_row_says_so() -> None:
    given = {"n_real": 16, "n_synthetic": 16, "digest": "d", "reference": "r"}
    large, small = (update(Likeness.empty(), samples(4, size, 200)) for size in (SMALLEST, SMALLEST - 1))
    assert not large.resized.any() and small.resized.all()
    row, valid = ms_ssim_scores(large, small, **given)
    assert row.note is not None and "resized to 256" in row.note and "need 161" in row.note
    assert row.floor == result(large) and row.n_floor == 16
    assert row.value is not None and row.low is not None and row.high is not None
    assert row.low <= row.value <= row.high
    assert (valid.metric, valid.value, valid.floor) == (
        "ms_ssim_valid", result(small, VALID), result(large, VALID)
    )  # fmt: skip
    other, _ = ms_ssim_scores(Likeness.empty(), large, **given)
    assert other.note == "4 prompts with 4 films each" and other.floor is None


@pytest.mark.parametrize(
    ("prompts", "told"), [(2, "2 prompts"), (None, "2 prompts"), (1234, "2 of 1,234 prompts")]
)
def test_the_row_says_how_many_prompts_were_not_measured(prompts: int | None, told: str) -> None:
    given = {"n_real": 8, "n_synthetic": 8, "digest": "d", "reference": "r", "prompts": prompts}
    for row in ms_ssim_scores(Likeness.empty(), update(Likeness.empty(), samples(2)), **given):
        assert row.note == f"{told} with 4 films each"


def test_films_that_wait_are_neither_lost_nor_doubled_when_others_arrive() -> None:
    early = merge(update(Likeness.empty(), WHOLE[::4]), update(Likeness.empty(), WHOLE[1::4]))
    assert len(early.waiting) == 10 and not len(early.prompts)
    state = merge(early, update(Likeness.empty(), [*WHOLE[2:8:4], *WHOLE[3:8:4]]))  # of the first two prompts
    assert state.prompts.tolist() == [1, 2] and state.values.tobytes() == EXPECTED.values[:2].tobytes()
    assert sorted((s.prompt, s.index) for s in state.waiting) == [(p, i) for p in (3, 4, 5) for i in (0, 1)]


def test_the_prompts_of_one_patient_have_a_value_but_no_interval() -> None:
    given = {"n_real": 8, "n_synthetic": 8, "digest": "d", "reference": "r"}
    row, _ = ms_ssim_scores(Likeness.empty(), update(Likeness.empty(), samples(2)), **given)
    assert row.value is not None and (row.low, row.high) == (None, None)


def test_a_row_without_prompts_of_four_films_has_no_value() -> None:
    row, _ = ms_ssim_scores(
        Likeness.empty(), Likeness.empty(), n_real=1, n_synthetic=1, digest="d", reference="r"
    )
    assert (row.value, row.low, row.high, row.floor) == (None,) * 4


def test_films_that_are_too_small_for_five_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="161 pixels"):
        similarities(np.zeros((2, 160, 200)))
