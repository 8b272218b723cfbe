"""What a run with a published reference says when it ends."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.film_slices import REAL, SYNTHETIC, Selection
from cluster.reference_file import Facts, Published
from cluster.storage import Storage
from eval.features.finding_scores import FindingScores
from eval.scores import Score
from jobs.metric_files import METRICS_PATH
from jobs.summary import Summary


def published_summary(path: str, published: Published, output: Storage) -> Summary:
    """What was written, and of how many films its smallest state is."""
    facts = published.facts
    table: list[tuple[object, ...]] = [
        ("reference", "films", "dimensions", "states", "least films in one", "floor at")
    ]
    states: dict[str, dict[str, object]] = {}
    for name, state in published.states.items():
        told: dict[str, object] = {
            "films": state.count,
            "dimensions": state.dimension,
            "states": len(state.groups) + len(state.halves),
            "least": state.least,
            "floor": facts.floor_films if state.halves else None,
        }
        states[name] = told
        table.append((name, *told.values()))
    table.append(("published", path))
    real = {"corpus": facts.corpus, "name": facts.name, "films": facts.films}
    values = {"output": output.uri, "published": path, REAL: real, "states": states}
    return Summary(values=values, table=table, output=output.uri)


def scored_summary(
    facts: Facts, selection: Selection, films: int, scores: Sequence[Score], output: Storage
) -> Summary:
    """The same from the scores that were taken and from those that are read back."""
    read = min((score.n_synthetic for score in scores), default=films)
    real = {"corpus": facts.corpus, "name": facts.name, "films": facts.films, "reference": facts.run}
    synthetic = {
        "corpus": selection.corpus.digest,
        "name": selection.name,
        "films": films,
        "unreadable": films - read,
    }
    named = {
        "/".join(filter(None, (score.metric, score.extractor, score.subset))): score.value for score in scores
    }
    table: list[tuple[object, ...]] = [
        ("metric", "of", "value", "low", "high", "floor", "at its n", "n", "n real", "n synthetic")
    ]
    for score in scores:
        if score.value is not None:
            of = score.subset if score.extractor == FindingScores.name else score.extractor
            floor = (score.floor, score.value_at_floor, score.n_floor)
            n = (score.n_real, score.n_synthetic)
            table.append((score.metric, of, score.value, score.low, score.high, *floor, *n))
    if films > read:
        table.append(("unreadable", SYNTHETIC, films - read))
    table.append(("metrics", output.child(METRICS_PATH).uri))
    values = {"output": output.uri, REAL: real, SYNTHETIC: synthetic, "scores": named}
    return Summary(values=values, table=table, output=output.uri)
