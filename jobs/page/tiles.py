"""The figures that a reader meets first, one a tile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.page.axis import Axis, auc_axis, axis_over
from jobs.page.downstream import ARM_TITLES
from jobs.page.measures import Score, interval, number
from jobs.page.runs import Runs


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure to read first; with an axis, a gauge of floor, value and ceiling is drawn below it."""

    name: str
    value: str
    detail: str
    score: Score | None = None
    axis: Axis | None = None
    arms: Mapping[str, Score] | None = None
    ends: tuple[tuple[str, str], ...] = ()  # marks of the gauge, and what each stands for


def make_tiles(runs: Runs) -> Iterator[Tile]:
    """The films made, then the figures of the first evaluation and of the first downstream run."""
    finished = [run.corpus for run in runs.generated if run.corpus is not None]
    if finished:
        rejected = sum(sum(corpus.rejects.values()) for corpus in finished)
        detail = f"{rejected:,} rejected" if rejected else "none rejected"
        yield Tile("Synthetic films", f"{sum(corpus.rows for corpus in finished):,}", detail)
    for found in runs.evaluations[:1]:
        yield from _score_tiles(found.scores)
    for found in runs.downstreams[:1]:
        arms = {
            s.subset: s for s in found.scores if s.metric == "downstream_macro_auc" and s.value is not None
        }
        best = arms.get("both") or next(iter(arms.values()), None)
        if best is not None:
            name = f"Downstream AUC, {ARM_TITLES.get(best.subset, best.subset).lower()}"
            ends = tuple((f"arm-{n}", f"{n} {number(s.value, True)}") for n, s in arms.items())
            axis = auc_axis([s.value for s in arms.values()])
            yield Tile(name, number(best.value, True), _detail(best), best, axis, arms, ends)


def _score_tiles(scores: Sequence[Score]) -> Iterator[Tile]:
    for metric in ("mauc_label", "mauc_paired", "fid"):
        score = next((s for s in scores if s.metric == metric and s.value is not None), None)
        if score is None:
            continue
        axis = (
            auc_axis([score.low, score.floor])
            if score.is_auc
            else axis_over([score.value, score.high, score.floor, score.ceiling], include=(0.0,))
        )
        beside = (("floor", "floor", score.floor), ("real", "ceiling", score.ceiling))
        ends = tuple((mark, f"{word} {number(v, score.is_auc)}") for mark, word, v in beside if v is not None)
        features = f", {score.extractor}" if score.extractor and not score.is_auc else ""
        title = f"{score.measure.title}{features}"
        yield Tile(title, number(score.value, score.is_auc), _detail(score), score, axis, None, ends)


def _detail(score: Score) -> str:
    better = f"{score.measure.better} is better"
    return f"{interval(score)} · {better}" if score.low is not None else better
