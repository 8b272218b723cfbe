from benchmarks.knowledge import switch_entailed, without
from diffcxr.findings import NEGATIVE, POSITIVE
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


def test_lung_opacity_is_switched_off_with_all_that_are_opacities():
    said = label_report("Left lower lobe consolidation. Small pleural effusion.")
    off, on = (switch_entailed(said, "Lung Opacity", value) for value in (NEGATIVE, POSITIVE))
    assert off["Lung Opacity"] == off["Consolidation"] == off["Lung Lesion"] == NEGATIVE
    assert on["Consolidation"] == POSITIVE and on["Lung Lesion"] is None
    assert off["Pleural Effusion"] == on["Pleural Effusion"] == POSITIVE
    assert switch_entailed(said, "Consolidation", NEGATIVE)["Lung Opacity"] == said["Lung Opacity"]
