"""Real language: whether films made from radiologists' own words show what they say.

A film is made from each report of IU X-ray, which no weight was trained on, and the shipped classifier
looks at it; truth is the labeler's, and the set's human MeSH codes. The films are drawings all the same.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.films import Sample, hint_of, make_films
from benchmarks.labeler import ARCHIVE, CODES, read_archive
from benchmarks.result import Bar, argument_parser, at_least, write_result
from cluster.models import fetch_model, model_digest
from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14
from diffcxr.seeds import sample_seed
from diffcxr.sources.files import LocalFiles
from diffcxr.sources.iu_xray import iu_xray_rows
from diffcxr.sources.row import Row
from eval.auc import auc
from eval.downstream.classifier import FindingClassifier

MIN_POSITIVES = 20
STEPS = 20

Truth = Mapping[str, NDArray[np.int8]]  # finding -> (n,): 1, 0, -1 which is left out


def main() -> None:
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--model", default="mini", help="as in `generate`")
    parser.add_argument("archive", type=Path, nargs="?", default=ARCHIVE, help="NLMCXR_reports.tgz")
    arguments = parser.parse_args()
    if not arguments.archive.is_file():
        what = "no IU X-ray archive"
        raise InputError(what, str(arguments.archive), "Name NLMCXR_reports.tgz as the argument.")
    rows = [row for row in iu_xray_rows(LocalFiles(arguments.archive)) if isinstance(row, Row)]
    rows = rows[:: 20 if arguments.quick else 1]
    folder = fetch_model(arguments.model)
    judge = FindingClassifier.from_pretrained(folder / "classifier")
    samples = [Sample(row.text, hint_of(row.text), sample_seed(0, row.report_id, 0)) for row in rows]
    scores = judge.predict(make_films(folder, samples, STEPS))

    coded = {report.report_id: report for report in read_archive(arguments.archive)}
    labels = {
        name: np.array([(row.labels or {}).get(name) or 0 for row in rows], np.int8) for name in CHEXPERT_14
    }
    codes = {name: np.array([coded[row.report_id].is_coded(name) for row in rows], np.int8) for name in CODES}
    aucs = {"labeler": finding_aucs(scores, labels), "mesh": finding_aucs(scores, codes)}
    bars = [
        at_least(f"macro AUC, truth of the {name}, {len(found)} findings", mean_auc(found), 0.78)
        for name, found in aucs.items()
    ]
    if arguments.quick:  # too few reports for the bars
        bars = [Bar(bar.name, bar.value, bar.bar, ok=True) for bar in bars]
    for name, found in aucs.items():
        lines = (f"  {finding:<28} {one['auc']:.3f}  ({one['positives']})" for finding, one in found.items())
        sys.stdout.write("\n".join((name, *lines)) + "\n")
    write_result(
        "real_language", bars, arguments.output, model=model_digest(folder), reports=len(rows), steps=STEPS,
        findings=aucs,
    )  # fmt: skip


def finding_aucs(scores: NDArray[np.float32], truth: Truth) -> dict[str, dict[str, float]]:
    """AUC and number of positives of each finding with MIN_POSITIVES of them or more."""
    found = {}
    for name, values in truth.items():
        known = values >= 0
        positive = values[known] == 1
        if min(positive.sum(), (~positive).sum()) >= MIN_POSITIVES:
            column = CHEXPERT_14.index(name)
            found[name] = {"auc": auc(scores[known, column], positive), "positives": int(positive.sum())}
    return found


def mean_auc(found: Mapping[str, Mapping[str, float]]) -> float:
    return float(np.mean([one["auc"] for one in found.values()])) if found else float("nan")


if __name__ == "__main__":
    main()
