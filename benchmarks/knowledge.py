"""Disease knowledge: whether the hint steers a film, and whether the model does more than copy labels.

Switched: with report and seed fixed, one finding of the hint is said to be present or absent, and the judge's
logit of that finding should be higher where it is present. Lung Opacity is what CheXpert has it to be, any of
several findings, and absent where all of them are; how it does alone is told beside. Then four tables of mAUC
on held-out reports: as they are, with the hint of another report, without a hint, and, for each finding, with
every sentence that says it taken from the report (and so from its hint). In all of them truth is the report's
as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.films import Sample, hint_of, make_films
from benchmarks.result import Bar, argument_parser, at_least, at_most, write_result
from cluster.models import fetch_model, model_digest
from diffcxr.denoiser.contradiction import EMPTY, written_sentences
from diffcxr.denoiser.hint import make_hint
from diffcxr.findings import CHEXPERT_14, DIFFCXR_11, NEGATIVE, POSITIVE, UNCERTAIN, FindingName, Labels
from diffcxr.phantom.study import LUNG_OPACITIES
from diffcxr.reports.labeler import label_report
from diffcxr.seeds import sample_seed
from diffcxr.sources.phantom import phantom_rows
from diffcxr.sources.row import Row
from eval.auc import MIN_OF_EACH_CLASS, auc
from eval.downstream.classifier import FindingClassifier

WORLD = 7002  # no patient of which the model was trained on

Scores = NDArray[np.float32]  # (n, 14), the judge's logits
Judge = Callable[[Sequence[Sample]], Scores]


def main() -> None:
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--model", default="mini", help="as in `generate`")
    parser.add_argument("--pairs", type=int, default=1000, help="reports whose hint is switched, a finding")
    parser.add_argument("--steps", type=int, default=10, help="of the sampler")
    parser.add_argument("--work", type=Path, help="folder in which films are kept on the way")
    arguments = parser.parse_args()
    pairs, reports = (24, 160) if arguments.quick else (arguments.pairs, 1000)
    folder = fetch_model(arguments.model)
    classifier = FindingClassifier.from_pretrained(folder / "classifier")

    def judge(samples: Sequence[Sample]) -> Scores:
        return classifier.predict(make_films(folder, samples, arguments.steps, arguments.work))

    rows = list(phantom_rows(max(pairs, reports), WORLD, images=False))

    moved, alone = switched(rows[:pairs], judge)
    tables = copies(rows[:reports], judge)
    lowest = min(moved, key=lambda name: moved[name])
    mean = {name: float(np.mean(list(table.values()))) for name, table in tables.items()}
    bars = [
        at_least(f"share of pairs moved the right way, lowest ({lowest})", moved[lowest], 0.90),
        at_most(
            "mAUC with another report's hint less the normal one", mean["other hint"] - mean["normal"], 0.0
        ),
        at_most("mAUC without a hint less the normal one", mean["no hint"] - mean["normal"], 0.0),
        at_most("mAUC with the finding's sentences deleted", mean["sentence deleted"], 0.6),
        at_least("mAUC with another report's hint", mean["other hint"], 0.5),
    ]
    if arguments.quick:
        bars = [Bar(bar.name, bar.value, bar.bar, ok=True) for bar in bars]
    write_result(
        "knowledge", bars, arguments.output, model=model_digest(folder), world=WORLD, pairs=pairs,
        reports=reports, steps=arguments.steps, moved=moved, opacity_alone=alone, mauc=mean, auc=tables,
    )  # fmt: skip


def switched(rows: Sequence[Row], judge: Judge) -> tuple[dict[FindingName, float], float]:
    """For each finding, the share of reports whose films are judged as its two hints say.

    And the share for Lung Opacity where it is absent alone, whatever other opacities the report tells of.
    """
    samples: dict[Sample, int] = {}

    def pairs(
        finding: FindingName, switch: Callable[[Labels, FindingName, int], Labels]
    ) -> NDArray[np.int64]:
        numbers = []
        for row in rows:
            said, seed = label_report(row.text), sample_seed(0, row.report_id, 0)
            hints = [make_hint(switch(said, finding, value)) for value in (POSITIVE, NEGATIVE)]
            both = [Sample(row.text, hint, seed) for hint in hints]
            numbers.append([samples.setdefault(sample, len(samples)) for sample in both])
        return np.array(numbers)

    entailed = {finding: pairs(finding, switch_entailed) for finding in DIFFCXR_11}
    alone = pairs("Lung Opacity", switch_alone)
    scores = judge(list(samples))

    def share(finding: FindingName, numbers: NDArray[np.int64]) -> float:
        present, absent = scores[numbers.T, CHEXPERT_14.index(finding)]
        return float((present > absent).mean())

    moved = {finding: share(finding, numbers) for finding, numbers in entailed.items()}
    return moved, share("Lung Opacity", alone)


def switch_alone(said: Labels, finding: FindingName, value: int) -> Labels:
    return said | {finding: value}


def switch_entailed(said: Labels, finding: FindingName, value: int) -> Labels:
    """One finding switched, with what that entails in CheXpert's hierarchy."""
    gone = LUNG_OPACITIES if (finding, value) == ("Lung Opacity", NEGATIVE) else (finding,)
    return said | dict.fromkeys(gone, value)


def copies(rows: Sequence[Row], judge: Judge) -> dict[str, dict[str, float]]:
    """AUC of each finding, by what the model was told."""
    normal = [sample_of(row) for row in rows]
    told: dict[str, list[Sample]] = {
        "normal": normal,
        # A hundred rows on stands no neighbouring study of the same patient.
        "other hint": [
            replace(own, hint=normal[(at + 101) % len(rows)].hint) for at, own in enumerate(normal)
        ],
        "no hint": [replace(sample, hint=None) for sample in normal],
    }
    scores = {name: judge(samples) for name, samples in told.items()}
    tables = {name: finding_aucs(score, rows) for name, score in scores.items()}
    tables["sentence deleted"] = deleted(rows, judge, scores["normal"])
    return tables


def deleted(rows: Sequence[Row], judge: Judge, normal: Scores) -> dict[str, float]:
    """AUC of each finding where the reports that have it no longer say so; the others are as they were."""
    wanted: dict[Sample, int] = {}
    changed: dict[FindingName, dict[int, int]] = {}
    for finding in DIFFCXR_11:
        changed[finding] = {}
        for at, row in enumerate(rows):
            if (row.labels or {}).get(finding) == POSITIVE:
                text = without(row.text, finding)
                sample = Sample(text, hint_of(text), sample_seed(0, row.report_id, 0))
                changed[finding][at] = wanted.setdefault(sample, len(wanted))
    made = judge(list(wanted))
    aucs = {}
    for finding, places in changed.items():
        score = normal.copy()
        for at, number in places.items():
            score[at] = made[number]
        found = finding_aucs(score, rows)
        if finding in found:
            aucs[finding] = found[finding]
    return aucs


def without(text: str, finding: FindingName) -> str:
    """The report without the sentences that say or suspect a finding."""
    kept = []
    for sentence in written_sentences(text):
        labels: Labels = label_report(sentence)
        if labels[finding] not in (POSITIVE, UNCERTAIN):
            kept.append(sentence)
    return " ".join(kept) or EMPTY


def sample_of(row: Row) -> Sample:
    return Sample(row.text, hint_of(row.text), sample_seed(0, row.report_id, 0))


def finding_aucs(scores: Scores, rows: Sequence[Row]) -> dict[str, float]:
    """AUC of each of the eleven findings with enough films of either class; uncertain ones are left out."""
    truth = np.array([[(row.labels or {}).get(name) or 0 for name in CHEXPERT_14] for row in rows], np.int8)
    aucs = {}
    for name in DIFFCXR_11:
        column = CHEXPERT_14.index(name)
        known = truth[:, column] >= 0
        positive = truth[known, column] == 1
        if min(positive.sum(), (~positive).sum()) >= MIN_OF_EACH_CLASS:
            aucs[name] = auc(scores[known, column], positive)
    return aucs


if __name__ == "__main__":
    main()
