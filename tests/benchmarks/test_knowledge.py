from benchmarks.knowledge import without
from diffcxr.reports.labeler import label_report

REPORT = "The heart is enlarged. There is a large right pleural effusion. No pneumothorax. Possible edema."


def test_a_findings_sentences_are_taken_from_the_report_and_no_others():
    left = without(REPORT, "Pleural Effusion")
    assert left == "The heart is enlarged. No pneumothorax. Possible edema."
    assert label_report(left)["Pleural Effusion"] is None


def test_what_is_only_suspected_is_taken_too_and_what_is_denied_stays():
    assert "edema" not in without(REPORT, "Edema")
    assert without(REPORT, "Pneumothorax") == REPORT


def test_a_report_is_never_left_empty():
    assert without("Large effusion.", "Pleural Effusion") == "Chest radiograph."
