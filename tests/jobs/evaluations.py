"""The command of an evaluation in a test's folder, and what it wrote."""

from __future__ import annotations

from pathlib import Path

from eval.scores import Score, scores_from_json


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
