"""What the page shows, decided from what was found; the templates only lay it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import diffcxr
from cluster.corpus import Corpus
from cluster.models import MINI, model_digest
from jobs.page.axis import Axis, auc_axis, axis_over
from jobs.page.downstream import ARM_TITLES, DownstreamView, view_downstream
from jobs.page.gallery import Gallery, make_gallery, source_of, strip
from jobs.page.measures import MEASURES, Score, interval, number, of_findings, overall
from jobs.page.runs import Generated, Runs, Scored
from jobs.page.sweeps import SweepView, view_sweep

_MOST_PAIRS = 96  # of the whole page: with two films of at most 40 kB each it stays below 12 MB

_FACTS = {
    "model_digest": "Model",
    "corpus_digest": "Reports",
    "seed": "Seed",
    "steps": "Steps",
    "guidance": "Guidance",
    "film_shape": "Film, pixels",
    "dtype": "Arithmetic",
    "prompt": "Prompt",
}
"""Settings that a reader looks for first, and what they are called; the others follow by name."""

Fact = tuple[str, str, str]  # name, value, and the whole value where the first is cut


@dataclass(frozen=True, slots=True)
class Caution:
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure to read first; with an axis, a gauge of floor, value and ceiling is drawn below it."""

    name: str
    value: str
    detail: str
    score: Score | None = None
    axis: Axis | None = None
    arms: Mapping[str, Score] | None = None
    ends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationView:
    name: str
    folded: bool
    caption: str
    overall: tuple[Score, ...]
    findings: tuple[Score, ...]
    axis: Axis


@dataclass(frozen=True, slots=True)
class GeneratedView:
    name: str
    folded: bool
    facts: tuple[Fact, ...]
    stack: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything the templates need."""

    title: str
    lede: str
    source: str
    version: str
    as_of: str
    caution: Caution
    tiles: tuple[Tile, ...]
    galleries: tuple[Gallery, ...]
    films_note: str
    evaluations: tuple[EvaluationView, ...]
    downstreams: tuple[DownstreamView, ...]
    sweeps: tuple[SweepView, ...]
    generated: tuple[GeneratedView, ...]
    reading: tuple[tuple[str, str], ...]
    contents: tuple[tuple[str, str], ...]  # anchor, name
    strip: tuple[str, ...]


def make_page(runs: Runs, *, title: str, films: int, texts: bool, real: Corpus | None = None) -> Page:
    """The page of what was found.

    Args:
        films: reports shown for each generated corpus.
        texts: whether reports' text may be shown.
        real: the corpus of the reports, where it does not lie below the runs.
    """
    corpora = (*runs.corpora, *((real,) if real is not None else ()))
    galleries = tuple(_galleries(runs.generated, corpora, films, texts))
    scores = {found.name: found.scores for found in (*runs.evaluations, *runs.downstreams)}
    parts = {
        "tiles": tuple(_tiles(runs)),
        "galleries": galleries,
        "evaluations": tuple(_evaluation(n, found) for n, found in enumerate(runs.evaluations)),
        "downstreams": tuple(view_downstream(found.label, found.scores) for found in runs.downstreams),
        "sweeps": tuple(view_sweep(sweep, scores) for sweep in runs.sweeps),
        "generated": tuple(_generated(n, run) for n, run in enumerate(runs.generated)),
        "reading": tuple(_reading(runs)),
    }
    anchors = {
        "galleries": ("films", "Films"),
        "evaluations": ("metrics", "Measured"),
        "downstreams": ("downstream", "Training"),
        "sweeps": ("sweep", "Sweep"),
        "generated": ("runs", "What was run"),
        "reading": ("reading", "How to read"),
    }
    beside = any(pair.real for gallery in galleries for pair in gallery.pairs)
    return Page(
        title=title,
        lede=" ".join(_lede(runs)),
        source=runs.source,
        version=diffcxr.__version__,
        as_of=f"{runs.newest:%Y-%m-%d}" if runs.newest else "",
        caution=_caution(runs, corpora),
        films_note="Each synthetic film was made from the words under it alone."
        + (
            " The film on the left is the one that the report was written of; the model never saw it."
            if beside
            else ""
        ),
        contents=tuple(anchor for name, anchor in anchors.items() if parts[name]),
        strip=strip(galleries),
        **parts,  # type: ignore[arg-type]
    )


def _galleries(
    generated: Sequence[Generated], corpora: Sequence[Corpus], films: int, texts: bool
) -> Iterator[Gallery]:
    finished = [(run, run.corpus) for run in generated if run.corpus is not None and run.corpus.rows]
    count = min(films, max(1, _MOST_PAIRS // max(1, len(finished))))
    for run, corpus in finished[:_MOST_PAIRS] if films else []:
        yield make_gallery(run.label, corpus, _parent(run, corpora), count, texts)


def _parent(run: Generated, corpora: Sequence[Corpus]) -> Corpus | None:
    """The corpus of a run's reports among those at hand, known by its digest."""
    return next((c for c in corpora if c.digest == run.record.pixels.get("corpus_digest")), None)


def _caution(runs: Runs, corpora: Sequence[Corpus]) -> Caution:
    parents = [run.corpus.manifest.get("parent") for run in runs.generated if run.corpus is not None]
    named = {str(parent.get("name")) for parent in parents if isinstance(parent, Mapping)}
    references = " ".join(s.reference or "" for found in runs.evaluations for s in found.scores).lower()
    is_phantom = "phantom" in named | {source_of(corpus) for corpus in corpora} or "phantom" in references
    if is_phantom or any(_is_embedded(run) for run in runs.generated):
        return Caution(
            "Embedded phantom world, not MIMIC-CXR.",
            "What is called a phantom here is drawn by a program, with known findings; the embedded model "
            "and classifier learnt from such drawings. No score of theirs is one on films of patients.",
        )
    return Caution(
        "Every score holds for the reference named beside it.",
        "Scores on different references, feature extractors or numbers of films cannot be compared.",
    )


def _is_embedded(run: Generated) -> bool:
    there = (MINI / "model_index.json").is_file()
    return there and run.record.pixels.get("model_digest") == model_digest(MINI)


def _lede(runs: Runs) -> Iterator[str]:
    films = sum(run.corpus.rows for run in runs.generated if run.corpus is not None)
    if films:
        yield f"{films:,} synthetic chest films, each made from a radiology report."
    unfinished = [run.label for run in runs.generated if run.corpus is None]
    if unfinished:
        yield f"Not finished: {', '.join(unfinished)}."
    if runs.evaluations or runs.downstreams:
        yield "Measured against real films, each figure with its interval and what it compares with."


def _tiles(runs: Runs) -> Iterator[Tile]:
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
            rest = ", ".join(
                f"{ARM_TITLES.get(n, n).lower()} {number(s.value, True)}"
                for n, s in arms.items()
                if s is not best
            )
            name = f"Downstream AUC, trained on {ARM_TITLES.get(best.subset, best.subset).lower()}"
            axis = auc_axis([s.value for s in arms.values()])
            yield Tile(name, number(best.value, True), rest, best, axis, arms, ("0.5, chance", "1"))


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
        ends = (("floor", score.floor), ("ceiling", score.ceiling))
        compared = [f"{word} {number(v, score.is_auc)}" for word, v in ends if v is not None]
        better = f"{score.measure.better} is better"
        features = f", {score.extractor}" if score.extractor and not score.is_auc else ""
        yield Tile(
            f"{score.measure.title}{features}",
            number(score.value, score.is_auc),
            f"{interval(score)} · {better}" if score.low is not None else better,
            score,
            axis,
            None,
            tuple(compared),
        )


def _evaluation(number: int, found: Scored) -> EvaluationView:
    findings = of_findings(found.scores)
    ends = [end for s in findings for end in (s.value, s.low, s.floor)]
    return EvaluationView(
        found.label,
        found.in_sweep and number > 0,
        f"{found.label}. Features are what an image network sees in a film; the digest says which weights.",
        overall(found.scores),
        findings,
        auc_axis(ends),
    )


def _generated(number: int, run: Generated) -> GeneratedView:
    corpus = run.corpus
    facts: list[Fact] = []
    if corpus is not None:
        facts.append(("Films", f"{corpus.rows:,}", ""))
        rejects = ", ".join(f"{count:,} {reason}" for reason, count in corpus.rejects.items())
        facts.append(("Rejected", rejects or "none", ""))
        facts.append(_fact("Digest of the films", corpus.digest))
    else:
        facts.append(("State", f"not finished, {run.shards:,} shards so far", ""))
    settings = _leaves(run.record.pixels) | _leaves(run.record.plan)
    first = [name for name in _FACTS if name in settings]
    names = [*first, *sorted(settings.keys() - set(first))]
    facts += [_fact(_FACTS.get(name) or _words(name), settings[name]) for name in names]
    stack = tuple(_fact(_words(name), value) for name, value in _leaves(run.record.stack).items())
    return GeneratedView(run.label, run.in_sweep and number > 0, tuple(facts), stack)


def _leaves(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested settings as one level, `sampler.steps`."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _leaves(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _fact(name: str, value: object) -> Fact:
    text = "none" if value is None else " × ".join(map(str, value)) if isinstance(value, list) else str(value)
    digest = len(text) >= 32 and set(text.removeprefix("sha256:")) <= set("0123456789abcdef")
    return (name, text.removeprefix("sha256:")[:12] + " …", text) if digest else (name, text, "")


def _words(name: str) -> str:
    words = name.replace(".", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _reading(runs: Runs) -> Iterator[tuple[str, str]]:
    scores = [s for found in (*runs.evaluations, *runs.downstreams) for s in found.scores]
    if not scores:
        return
    yield (
        "95 % interval",
        "Drawn anew from other patients again and again, such a range holds the true value 95 times in 100.",
    )
    if any(s.floor is not None for s in scores):
        yield (
            "Floor",
            (
                "For distances: two sets of real films, of different patients, against each other; no "
                "generator can be expected below it. For AUCs: the same films with their reports shuffled."
            ),
        )
    if any(s.ceiling is not None for s in scores):
        yield "Ceiling", "The same measure on real films instead of synthetic ones."
    metrics = dict.fromkeys(s.metric for s in scores)
    yield from ((MEASURES[name].title, MEASURES[name].meaning) for name in metrics if name in MEASURES)
