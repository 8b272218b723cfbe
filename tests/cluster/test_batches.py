"""Batches: what is wrong with a row is its reject, and what is wrong with the process is no row's."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cluster.batches import NOT_FINITE, PAD_PROMPT, PIPELINE_RAISED, BatchRunner, Slot
from diffcxr.null_pipeline import NullPipeline

NAN, RAISES = "not a number", "raises"


class FailingPipeline(NullPipeline):
    """Some prompts are bad, and so is every call that `breaks` says, by its number and its prompts."""

    def __init__(self, breaks: Callable[[int, Sequence[str]], str | None] = lambda *_: None) -> None:
        super().__init__()
        self.calls: list[Sequence[str]] = []
        self._breaks = breaks

    def __call__(self, prompt: Any, **rest: Any) -> Any:
        self.calls.append(prompt)
        how = self._breaks(len(self.calls), prompt)
        if how == RAISES or RAISES in prompt:
            raise RuntimeError("CUBLAS_STATUS_ALLOC_FAILED")
        films = super().__call__(prompt, **rest).images
        films[[how == NAN or text == NAN for text in prompt], 3, 3] = np.nan
        return SimpleNamespace(images=films)


def runner(pipeline: FailingPipeline) -> BatchRunner:
    return BatchRunner(pipeline, steps=1, guidance=1.0, batch_size=4)


def slots(*prompts: str) -> list[Slot]:
    return [Slot(prompt, number) for number, prompt in enumerate(prompts)]


@pytest.mark.parametrize("rows", [1, 3, 4])
@pytest.mark.parametrize(("how", "error"), [(RAISES, RuntimeError), (NAN, FloatingPointError)])
def test_a_process_that_fails_whatever_it_is_given_blames_no_row(
    rows: int, how: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        runner(FailingPipeline(lambda *_: how)).run(slots(*"abcd"[:rows]))


def test_a_process_that_breaks_while_a_batch_is_taken_apart_blames_no_later_row() -> None:
    pipeline = FailingPipeline(lambda call, _: RAISES if call == 1 or call > 3 else None)
    with pytest.raises(RuntimeError):
        runner(pipeline).run(slots(*"abcd"))


@pytest.mark.parametrize(("prompt", "reason"), [(RAISES, PIPELINE_RAISED), (NAN, NOT_FINITE)])
@pytest.mark.parametrize("rows", [1, 4])
def test_rows_that_are_all_bad_are_rejected_where_the_pad_row_works(
    prompt: str, reason: str, rows: int
) -> None:
    pipeline = FailingPipeline()
    assert runner(pipeline).run(slots(*[prompt] * rows)) == [reason] * rows
    assert list(pipeline.calls[-1]) == [PAD_PROMPT] * 4


def test_the_pad_row_is_not_asked_where_a_film_is_finite() -> None:
    pipeline = FailingPipeline()
    assert runner(pipeline).run(slots("a", NAN, "c", NAN))[1::2] == [NOT_FINITE] * 2
    runner(pipeline).run(slots("a", "b"))
    assert len(pipeline.calls) == 2
