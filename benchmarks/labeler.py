"""The rule labeler against the human MeSH codes of IU X-ray.

A report's truth is its MeSH/major codes; the labeler has said a finding where its label is 1 or -1. Its
rules were written with one half of the archive at hand, drawn by seed; the other half was scored only when
they were done.
"""

from __future__ import annotations

import random
import sys
import tarfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.result import REPOSITORY, argument_parser, at_least, write_result
from diffcxr.errors import InputError
from diffcxr.findings import FindingName
from diffcxr.reports.labeler import label_report
from diffcxr.sources.openi import StudyError, parse_study

ARCHIVE = REPOSITORY.parent / "shared" / "data" / "NLMCXR_reports.tgz"
MIN_POSITIVES = 40
MICRO_BAR, MACRO_BAR = 0.93, 0.90

CODES: dict[FindingName, tuple[str, ...]] = {
    "Atelectasis": ("Pulmonary Atelectasis",),
    "Cardiomegaly": ("Cardiomegaly",),
    "Pleural Effusion": ("Pleural Effusion",),  # and blunted costophrenic angles, below
    "Lung Opacity": ("Opacity", "Airspace Disease", "Infiltrate"),
    "Pneumothorax": ("Pneumothorax", "Hydropneumothorax"),
    "Consolidation": ("Consolidation",),
    "Edema": ("Pulmonary Edema", "Pulmonary Congestion"),
}
"""What a MeSH/major code begins with where it stands for a finding."""

_OTHER_FINDINGS = (
    "Nodule",
    "Mass/",
    "Pneumonia",
    "Fractures, Bone",
    "Thickening/pleura",
    "Mediastinum/",
    "Pneumothorax",
)


@dataclass(frozen=True, slots=True)
class CodedReport:
    """A report's text and the human codes of it."""

    report_id: str
    text: str
    codes: tuple[str, ...]

    def is_coded(self, finding: FindingName) -> bool:
        if finding == "Pleural Effusion" and any(
            code.startswith("Costophrenic Angle/") and "blunted" in code for code in self.codes
        ):
            return True
        return any(code.startswith(CODES[finding]) for code in self.codes)


@dataclass(frozen=True, slots=True)
class Score:
    """How far what was said agrees with what was coded."""

    said_and_coded: int
    said_only: int
    coded_only: int

    @property
    def positives(self) -> int:
        return self.said_and_coded + self.coded_only

    @property
    def said(self) -> int:
        return self.said_and_coded + self.said_only

    @property
    def precision(self) -> float:
        return self.said_and_coded / max(1, self.said)

    @property
    def recall(self) -> float:
        return self.said_and_coded / max(1, self.positives)

    @property
    def f1(self) -> float:
        return 2 * self.said_and_coded / max(1, self.said + self.positives)


def read_archive(path: Path) -> list[CodedReport]:
    """The archive's reports by id; those that cannot be parsed are left out. Raises InputError."""
    if not path.is_file():
        raise InputError("no IU X-ray archive", str(path), "Name NLMCXR_reports.tgz as the argument.")
    reports = []
    with tarfile.open(path) as archive:
        for member in archive:
            reader = archive.extractfile(member) if member.name.endswith(".xml") else None
            if reader is None:
                continue
            data = reader.read()
            try:
                study = parse_study(data)
            except StudyError:
                continue
            codes = tuple(code.text or "" for code in ElementTree.fromstring(data).iterfind("MeSH/major"))
            reports.append(CodedReport(study.report_id, f"{study.findings}\n\n{study.impression}", codes))
    return sorted(reports, key=lambda report: report.report_id)


def halves(reports: Sequence[CodedReport]) -> tuple[list[CodedReport], list[CodedReport]]:
    """(the half that the rules were written with, the half held out), drawn at random by one seed."""
    shuffled = list(reports)
    random.Random(7).shuffle(shuffled)
    middle = len(shuffled) // 2
    return shuffled[:middle], shuffled[middle:]


def score_findings(reports: Iterable[CodedReport]) -> dict[str, Score]:
    """Finding -> score, and the No Finding label by two truths of it."""
    judged = [(report, label_report(report.text)) for report in reports]
    scores: dict[str, Score] = {}
    for finding in CODES:
        scores[finding] = _score(
            (labels[finding] in (1, -1), report.is_coded(finding)) for report, labels in judged
        )
    return scores


def score_no_finding(reports: Iterable[CodedReport]) -> dict[str, Score]:
    """The label No Finding against the code `normal`, and against the absence of every finding's code."""
    judged = [(report, label_report(report.text)["No Finding"] == 1) for report in reports]
    return {
        "No Finding: coded normal": _score((said, "normal" in report.codes) for report, said in judged),
        "No Finding: no finding coded": _score(
            (
                said,
                not any(map(report.is_coded, CODES))
                and not any(c.startswith(_OTHER_FINDINGS) for c in report.codes),
            )
            for report, said in judged
        ),
    }


def micro_f1(scores: Mapping[str, Score]) -> float:
    """F1 over all decisions together."""
    values = scores.values()
    return Score(
        sum(s.said_and_coded for s in values),
        sum(s.said_only for s in values),
        sum(s.coded_only for s in values),
    ).f1


def macro_f1(scores: Mapping[str, Score], names: Iterable[str]) -> float:
    """The mean F1 of the findings `names`."""
    chosen = [scores[name].f1 for name in names]
    return sum(chosen) / len(chosen)


def frequent(scores: Mapping[str, Score]) -> list[str]:
    """The findings with MIN_POSITIVES or more."""
    return [name for name, score in scores.items() if score.positives >= MIN_POSITIVES]


def _score(decisions: Iterable[tuple[bool, bool]]) -> Score:
    counts = [0, 0, 0]
    for said, coded in decisions:
        if said or coded:
            counts[0 if said and coded else 1 if said else 2] += 1
    return Score(*counts)


def _table(title: str, scores: Mapping[str, Score]) -> str:
    lines = [f"{title:<30} coded  said  precision  recall     F1"]
    lines += [
        f"{name:<30} {s.positives:5d} {s.said:5d}  {s.precision:9.3f}  {s.recall:6.3f}  {s.f1:5.3f}"
        for name, s in scores.items()
    ]
    return "\n".join(lines) + "\n\n"


def main() -> None:
    parser = argument_parser(__doc__ or "")
    parser.add_argument("archive", type=Path, nargs="?", default=ARCHIVE, help="NLMCXR_reports.tgz")
    arguments = parser.parse_args()
    reports = read_archive(arguments.archive)
    started = time.perf_counter()
    scores = score_findings(reports)
    rate = len(reports) / (time.perf_counter() - started)
    apart = score_no_finding(reports)
    counted = frequent(scores)
    parts = dict(
        zip(("development half", "held-out half"), map(score_findings, halves(reports)), strict=True)
    )
    sys.stdout.write(_table(f"{len(reports)} reports", scores | apart))
    for title, part in parts.items():
        sys.stdout.write(_table(title, part))
    bars = [
        at_least("micro F1", micro_f1(scores), MICRO_BAR),
        at_least(f"macro F1 over {len(counted)} findings", macro_f1(scores, counted), MACRO_BAR),
        *(at_least(f"micro F1, {title}", micro_f1(part), MICRO_BAR) for title, part in parts.items()),
        *(
            at_least(f"macro F1, {title}", macro_f1(part, counted), MACRO_BAR)
            for title, part in parts.items()
        ),
    ]
    figures = {
        name: asdict(s) | {"precision": s.precision, "recall": s.recall, "f1": s.f1}
        for name, s in (scores | apart).items()
    }
    write_result(
        "labeler", bars, arguments.output, reports=len(reports), findings=figures, macro_over=counted,
        reports_per_second=round(rate),
    )  # fmt: skip


if __name__ == "__main__":
    main()
