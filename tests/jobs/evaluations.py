"""An evaluation in a test's folder: what it measures, its command, and what it wrote."""

from __future__ import annotations

from pathlib import Path

from eval.scores import Score, scores_from_json
from tests.cluster.films import film_rows, write_classifier, write_films


def write_place(folder: Path) -> Path:
    """Real and synthetic films and a classifier."""
    write_films(folder / "real", film_rows(60, seed=1), [25])
    write_films(folder / "synthetic", film_rows(40, seed=2, brightness=15))
    write_classifier(folder / "classifier")
    return folder


def command(place: Path, *more: str, output: str = "out") -> list[str]:
    """Of `real`, `synthetic` and `classifier` in that folder, where `more` names no others."""
    places = {name: place / name for name in ("real", "synthetic", "classifier")}
    given = {argument.partition("=")[0] for argument in more}
    return [
        "evaluate",
        *(f"{name}={path}" for name, path in places.items() if name not in given),
        *more,
        f"output={place / output}",
    ]


def scores(folder: Path) -> dict[tuple[str, str | None, str], Score]:
    """By metric, extractor and subset."""
    found = scores_from_json((folder / "metrics.json").read_bytes())
    return {(score.metric, score.extractor, score.subset): score for score in found}
