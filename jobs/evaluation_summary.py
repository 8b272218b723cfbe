"""What `evaluate` says when it ends: every value with its interval, what it compares with, and its films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cluster.film_slices import REAL, REFERENCE, RIVAL, SYNTHETIC, Selection
from cluster.storage import Storage
from eval.scores import Score
from jobs.metric_files import METRICS_PATH
from jobs.summary import Summary

_JUDGES = ("finding_classifier", "xrv_findings")
"""By the names of `eval.features`, whose libraries a summary does not need."""


def summarise(
    selections: Mapping[str, Selection], films: Mapping[str, int], scores: Sequence[Score], output: Storage
) -> Summary:
    """The same from the scores that were taken and from those that are read back."""
    # Those of pairs, single findings, reports, comparisons and other real films are of fewer films.
    fewer = ("mauc_paired", "f1_paired", "fid_finding", "alignment", "retrieval")
    further = selections[REFERENCE].name if REFERENCE in selections else None
    of_all = [
        s for s in scores if not s.metric.startswith(fewer) and s.against is None and s.reference != further
    ]
    read = {
        REAL: min((score.n_real for score in of_all), default=films[REAL]),
        SYNTHETIC: min((score.n_synthetic for score in of_all), default=films[SYNTHETIC]),
    }
    unreadable = {side: films[side] - read[side] for side in read}
    sides = {
        side: {
            "corpus": selections[side].corpus.digest,
            "name": selections[side].name,
            "films": films[side],
            "unreadable": unreadable[side],
        }
        for side in read
    }
    if RIVAL in selections:
        rival = selections[RIVAL]
        sides[RIVAL] = {"corpus": rival.corpus.digest, "name": rival.name, "films": films[RIVAL]}
    shown = [score for score in scores if score.value is not None]
    values = {
        "output": output.uri,
        **sides,
        "scores": {
            "/".join(filter(None, (score.metric, score.extractor, score.subset, _further(score, further)))): (
                score.value
            )
            for score in scores
        },
    }
    table: list[tuple[object, ...]] = [
        ("metric", "of", "value", "low", "high", "floor", "at its n", "n", "ceiling", "n real", "n synthetic")
    ]
    if RIVAL in selections:
        table[0] = (*table[0], "p")
    for score in shown:
        of = score.subset if score.extractor in _JUDGES else score.extractor
        if score.extractor not in _JUDGES and score.subset != "all":
            of = f"{score.subset}, {score.extractor}"
        if score.reference == further:
            of = f"{of}, {further}"
        floor = (score.floor, score.value_at_floor, score.n_floor)
        row = (score.value, score.low, score.high, *floor, score.ceiling, score.n_real, score.n_synthetic)
        table.append((score.metric, of, *row, *([score.p_value] if RIVAL in selections else [])))
    for side in (REAL, SYNTHETIC):
        if unreadable[side]:
            table.append(("unreadable", side, unreadable[side]))
    if sources := dict.fromkeys(score.protocol.partition("; but ")[0] for score in scores if score.protocol):
        values["protocol"] = next(iter(sources))
        table.append(("as in", next(iter(sources))))
        for fault in dict.fromkeys(score.fault for score in scores if score.fault):
            table.append(("mind", fault))
    table.append(("metrics", output.child(METRICS_PATH).uri))
    return Summary(values=values, table=table, output=output.uri)


def _further(score: Score, further: str | None) -> str | None:
    """The further reference's name where the score is a distance from it."""
    return further if score.reference == further else None
