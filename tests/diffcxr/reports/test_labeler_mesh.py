import pytest

from benchmarks.labeler import (
    MACRO_BAR,
    MICRO_BAR,
    CodedReport,
    Score,
    frequent,
    halves,
    macro_f1,
    micro_f1,
    read_archive,
    score_findings,
)


def test_scores_are_those_of_their_definitions():
    score = Score(said_and_coded=6, said_only=2, coded_only=4)
    assert (score.positives, score.precision, score.recall) == (10, 0.75, 0.6)
    assert score.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert micro_f1({"a": score, "b": score}) == pytest.approx(score.f1)


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        ("Pulmonary Atelectasis/base/left", "Atelectasis"),
        ("Costophrenic Angle/left/blunted", "Pleural Effusion"),
        ("Airspace Disease/lung", "Lung Opacity"),
        ("Hydropneumothorax/left", "Pneumothorax"),
        ("Pulmonary Congestion", "Edema"),
    ],
)
def test_codes_stand_for_findings(code, finding):
    assert CodedReport("r", "", (code,)).is_coded(finding)
    assert not CodedReport("r", "", ("Costophrenic Angle/left/obscured", "normal")).is_coded(finding)


@pytest.mark.shared
def test_the_labeler_agrees_with_the_human_codes_of_real_reports(shared_data):
    reports = read_archive(shared_data / "NLMCXR_reports.tgz")
    counted = frequent(score_findings(reports))
    assert len(reports) == 2365
    assert len(counted) == 5
    for part in (reports, *halves(reports)):
        scores = score_findings(part)
        assert micro_f1(scores) >= MICRO_BAR
        assert macro_f1(scores, counted) >= MACRO_BAR
