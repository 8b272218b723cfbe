import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from diffcxr.findings import CHEXPERT_14, NEGATIVE, POSITIVE, UNCERTAIN, FindingName, Labels
from diffcxr.phantom.grammar import Report, write_report
from diffcxr.phantom.study import LUNG_OPACITIES, Lesion, Study, labels, sample_study
from diffcxr.reports.labeler import label_report

IU_XRAY = Path("../shared/data/NLMCXR_reports.tgz")
READ: tuple[FindingName, ...] = tuple(n for n in CHEXPERT_14 if n not in ("No Finding", "Lung Opacity"))
"""What a labeler is held to: Lung Opacity is also true by its children, No Finding by all the others."""


def report_text(report: Report) -> str:
    return f"{report.findings} {report.impression}".strip()


def study_with(*lesions: Lesion, suspected: tuple[FindingName, ...] = (), index: int = 0) -> Study:
    return replace(sample_study(3, index), lesions=lesions, suspected=suspected, artefact=None)


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    return [sample_study(101, index) for index in range(3000)]


@pytest.fixture(scope="module")
def reports(studies: list[Study]) -> list[Report]:
    return [write_report(study) for study in studies]


@pytest.fixture(scope="module")
def read(reports: list[Report]) -> list[Labels]:
    return [label_report(report_text(report)) for report in reports]


def test_a_report_belongs_to_its_seed_and_index(studies: list[Study], reports: list[Report]) -> None:
    assert [write_report(study) for study in reversed(studies[:50])][::-1] == reports[:50]
    assert write_report(sample_study(102, 0)) != reports[0]


def test_a_report_does_not_know_of_the_film_artefacts(studies: list[Study], reports: list[Report]) -> None:
    for study, report in zip(studies[:100], reports[:100], strict=True):
        inverted = write_report(replace(study, artefact="inverted"))
        assert (inverted.findings, inverted.impression) == (report.findings, report.impression)


def test_two_films_rarely_share_a_report() -> None:
    studies = [sample_study(7, index) for index in range(10_000)]
    texts = [report_text(write_report(study)) for study in studies]
    abnormal = [text for text, study in zip(texts, studies, strict=True) if study.lesions or study.suspected]
    assert len(set(texts)) >= 0.97 * len(texts)
    assert len(set(abnormal)) >= 0.99 * len(abnormal)


def test_every_report_says_something(reports: list[Report]) -> None:
    assert all(report_text(report) for report in reports)
    assert not any(re.search(r"[<>{}\[\]|]|  |\.\.", report_text(report)) for report in reports)


def test_the_labeler_reads_out_of_reports_what_the_films_show(
    studies: list[Study], read: list[Labels]
) -> None:
    wrong: Counter[FindingName] = Counter()
    for study, said in zip(studies, read, strict=True):
        truth = labels(study)
        wrong.update(name for name in READ if (said[name] or NEGATIVE) != truth[name])
    assert max(wrong.values(), default=0) <= 0.01 * len(studies), wrong


def test_no_report_denies_what_its_film_shows(studies: list[Study], read: list[Labels]) -> None:
    for study, said in zip(studies, read, strict=True):
        truth = labels(study)
        assert not [name for name in READ if truth[name] == POSITIVE and said[name] == NEGATIVE], study


def test_only_lungs_without_opacity_are_called_clear(studies: list[Study], reports: list[Report]) -> None:
    both = re.compile(
        r"(?<!elsewhere )(?:(?:^|\. )(?:the |both )?lungs are clear|clear lungs)(?! elsewhere)", re.I
    )
    opposite = re.compile(r"(?:contralateral|opposite|other) lung is clear", re.I)
    said: Counter[str] = Counter()
    for study, report in zip(studies, reports, strict=True):
        if both.search(report_text(report)):
            said["both"] += 1
            assert all(labels(study)[name] == NEGATIVE for name in LUNG_OPACITIES), report
        if opposite.search(report_text(report)):
            said["opposite"] += 1
            sides = {lesion.side for lesion in study.lesions if lesion.name in LUNG_OPACITIES}
            assert not sides & {"bilateral"} and len(sides) <= 1, report
    assert min(said.values()) > 20


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_side_is_told(side: str) -> None:
    other = {"left": "right", "right": "left"}[side]
    for index in range(200):
        lesion = Lesion(
            name="Pneumothorax",
            kind="",
            side=side,  # type: ignore[arg-type]
            zone="upper",
            extent=0.6,
            severity=0.5,
        )
        text = report_text(write_report(study_with(lesion, index=index)))
        told = [
            line for line in re.split(r"(?<=\.)\s", text) if re.search("pneumothorax", line, re.IGNORECASE)
        ]
        assert any(side in line.lower() for line in told)
        assert not any(re.search(rf"\b{other}\b", line.lower()) for line in told)


def test_the_extent_is_told() -> None:
    def amounts(extent: float) -> Counter[str]:
        effusion = Lesion(
            name="Pleural Effusion", kind="", side="left", zone="lower", extent=extent, severity=0.5
        )
        texts = [report_text(write_report(study_with(effusion, index=index))) for index in range(300)]
        words = (word for text in texts for word in re.findall(r"small|trace|tiny|moderate|large", text))
        return Counter(words)

    assert amounts(0.25)["large"] < 0.2 * amounts(0.95)["large"]  # "no large ..." of other findings remains
    assert amounts(0.25)["small"] + amounts(0.25)["trace"] > 200 > 10 * amounts(0.95)["trace"]


def test_suspicions_and_uncertain_lesions_are_hedged() -> None:
    unsure = Lesion(
        name="Consolidation", kind="", side="right", zone="lower", extent=0.6, severity=0.6, certain=False
    )
    for index in range(200):
        read = label_report(
            report_text(write_report(study_with(unsure, suspected=("Fracture",), index=index)))
        )
        assert (read["Consolidation"], read["Fracture"]) == (UNCERTAIN, UNCERTAIN)


def sentences(text: str) -> Iterator[tuple[str, ...]]:
    """Each sentence as its words, lower-case, list numbers and de-identification marks left out."""
    for line in re.split(r"[.?!;\n]+|\b\d+\.\s", text):
        words = re.findall(r"[a-z0-9']+", line.lower())
        if kept := tuple(word for word in words if not re.fullmatch("x{3,}", word)):
            yield kept


@pytest.mark.shared
def test_no_sentence_of_iu_x_ray_is_in_the_grammar(reports: list[Report]) -> None:
    if not IU_XRAY.exists():
        pytest.skip(f"no real reports at {IU_XRAY}")
    theirs: set[tuple[str, ...]] = set()
    with tarfile.open(IU_XRAY) as archive:
        for member in archive:
            if member.name.endswith(".xml") and (file := archive.extractfile(member)):
                for section in ElementTree.parse(file).iter("AbstractText"):
                    theirs.update(sentences(section.text or ""))
    assert len(theirs) > 5_000
    ours = {
        line
        for report in reports
        for section in (report.findings, report.impression, report.technique, report.indication)
        for line in sentences(section)
        if len(line) >= 5  # shorter ones ("the lungs are clear") are nobody's
    }
    assert not ours & theirs
