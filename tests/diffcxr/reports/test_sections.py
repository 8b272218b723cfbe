import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffcxr.findings import NEGATIVE, POSITIVE
from diffcxr.reports.labeler import label_report
from diffcxr.reports.prompt import make_prompt
from diffcxr.reports.sections import Sections, split_sections

HOSPITAL = """
                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___ year old woman with cough  // pneumonia?

 TECHNIQUE:  Upright PA and lateral films.

 COMPARISON:  ___.

 FINDINGS:

 The lungs are well expanded.  A rounded opacity lies behind the heart.
 No effusion.

 IMPRESSION:

 1. Rounded opacity, possibly pneumonia.
 2. No effusion.
"""


def test_a_hospital_report_falls_into_its_sections():
    sections = split_sections(HOSPITAL)
    assert sections.findings.startswith("The lungs are well expanded.")
    assert sections.findings.endswith("No effusion.")
    assert sections.impression == "1. Rounded opacity, possibly pneumonia.\n 2. No effusion."
    assert sections.indication == "___ year old woman with cough  // pneumonia?"
    assert sections.comparison == "___."
    assert sections.technique == "Upright PA and lateral films."
    assert sections.examination == "CHEST (PA AND LAT)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Sections()),
        ("Clear lungs.", Sections(findings="Clear lungs.")),
        ("findings: clear.\nimpression: normal.", Sections(findings="clear.", impression="normal.")),
        ("Findings: Clear. Impression: Normal.", Sections(findings="Clear.", impression="Normal.")),
        ("FINDINGS:Clear.IMPRESSION: Normal.", Sections(findings="Clear.IMPRESSION: Normal.")),
        ("FINDINGS\nClear.\nIMPRESSION\nNormal.", Sections(findings="Clear.", impression="Normal.")),
        ("CONCLUSION: Normal.", Sections(impression="Normal.")),
        ("Impression: Normal.", Sections(impression="Normal.")),
        ("Lungs clear.\nIMPRESSION: Normal.", Sections(findings="Lungs clear.", impression="Normal.")),
        ("CHEST, TWO VIEWS: Clear.\nIMPRESSION: Normal.", Sections(findings="Clear.", impression="Normal.")),
        ("FINDINGS AND IMPRESSION: Clear.", Sections(findings="Clear.")),
        ("REASON FOR EXAM: Fall.\n\nNo fracture.", Sections(indication="Fall.", findings="No fracture.")),
        ("INDICATION: Fall.", Sections(indication="Fall.")),
        ("HISTORY: Fall.\nFINDINGS: None.", Sections(indication="Fall.", findings="None.")),
        (
            "IMPRESSION: Normal.\nADDENDUM: Seen again.",
            Sections(impression="Normal.", addendum="Seen again."),
        ),
        (
            "IMPRESSION: One.\nFINDINGS: Two.\nIMPRESSION: Three.",
            Sections(findings="Two.", impression="One.\nThree."),
        ),
        ("FINDINGS: Clear.\r\nIMPRESSION: Normal.\r\n", Sections(findings="Clear.", impression="Normal.")),
        ("FINAL REPORT\n\nClear lungs.", Sections(findings="Clear lungs.")),
        ("The impression is of edema.", Sections(findings="The impression is of edema.")),
        (
            "FINDINGS: See impression below.\nIMPRESSION: Mass.",
            Sections(findings="See impression below.", impression="Mass."),
        ),
    ],
)
def test_headings_of_many_kinds(text, expected):
    assert split_sections(text) == expected


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("RECOMMENDATION(S):", "recommendation"),
        ("Recommendation(s):", "recommendation"),
        ("FOLLOW-UP RECOMMENDATIONS:", "recommendation"),
        ("INDICATION FOR EXAM:", "indication"),
        ("Indication for the exam:", "indication"),
        ("RADIOGRAPHIC INDICATION:", "indication"),
        ("INDICATION(S):", "indication"),
        ("REASON:", "indication"),
        ("REASON FOR PORTABLE CHEST:", "indication"),
        ("ADMITTING DIAGNOSIS:", "indication"),
        ("Admitting diagnosis:", "indication"),
        ("DIAGNOSIS ON ADMISSION:", "indication"),
        ("PAST MEDICAL HISTORY:", "indication"),
        ("COMPARISON TO PRIOR FILM:", "comparison"),
        ("REFERENCE EXAMINATION:", "comparison"),
        ("DIAGNOSIS:", "impression"),
        ("IMPRESSION AND RECOMMENDATION(S):", "impression"),
    ],
)
def test_a_heading_that_differs_by_a_word_heads_the_same_section(heading, section):
    assert getattr(split_sections(f"{heading} Lung mass.\nFINDINGS: Clear."), section) == "Lung mass."
    sections = split_sections(f"FINDINGS: Clear.\n {heading}\n Lung mass.")
    assert (getattr(sections, section), sections.findings) == ("Lung mass.", "Clear.")


def test_capitals_among_findings_are_text():
    lines = "PNEUMOTHORAX:  Small.\n\n LUNGS: Clear.\n CHEST TUBE: In place."
    expected = Sections(findings=lines, impression="BONES: Intact.")
    assert split_sections(f"FINDINGS:\n {lines}\n IMPRESSION:\n BONES: Intact.") == expected
    assert split_sections(f"{lines}\nIMPRESSION: BONES: Intact.") == expected
    assert split_sections("TECHNIQUE: One view.\nHEART: Big.\nBONES: Intact.") == Sections(
        technique="One view.", findings="HEART: Big.\nBONES: Intact."
    )
    assert split_sections("EXAM: Film.\nPORTABLE AP CHEST: Clear.\nBONES: Intact.") == Sections(
        examination="Film.", findings="Clear.\nBONES: Intact."
    )


def test_capitals_before_a_time_head_nothing():
    text = "TECHNIQUE: Supine.\nTAKEN AT 10:23 PM.\nIMPRESSION: Clear."
    assert split_sections(text) == Sections(technique="Supine.\nTAKEN AT 10:23 PM.", impression="Clear.")


@pytest.mark.parametrize(
    ("text", "impression"),
    [
        ("WET READ: ___ 10:23 PM", ""),
        ("WET READ: ___ ___ SUN ___ 10:23 PM\n  No effusion at 10:20.", "No effusion at 10:20."),
        ("WET READ:  [**Name (un) 12**] 3/4/10 23:10\n  Clear.", "Clear."),
        ("WETREAD: Clear. Told at 10:23 PM.", "Clear. Told at 10:23 PM."),
    ],
)
def test_a_wet_read_loses_its_stamp(text, impression):
    assert split_sections(text).impression == impression
    assert split_sections(f"{text}\n\nFINDINGS: Clear.") == Sections(findings="Clear.", impression=impression)


BY_ORGAN = """
 FINDINGS:
 PNEUMOTHORAX:  Small, right apical.
 PLEURAL EFFUSION:  None.
 HEART:  Moderately enlarged.
 LUNGS:  Hazy opacity at the left base. No consolidation.
 PLEURA:  Thickened over the left apex.
 BONES:  No fracture.

 IMPRESSION:  As above.
"""


def test_a_report_by_organs_is_labelled_as_it_reads():
    sections = split_sections(BY_ORGAN)
    labels = label_report(make_prompt(sections.findings, sections.impression))
    assert {name: value for name, value in labels.items() if value is not None} == {
        "Cardiomegaly": POSITIVE,
        "Lung Opacity": POSITIVE,
        "Consolidation": NEGATIVE,
        "Pneumothorax": POSITIVE,
        "Pleural Effusion": NEGATIVE,
        "Pleural Other": POSITIVE,
        "Fracture": NEGATIVE,
    }


@pytest.mark.parametrize("word", ["[** **] ", "_1 AB ", "HEART ", "WET READ: 1\n", "clinical reason for "])
def test_a_text_without_end_is_split_in_no_time(word):
    started = time.perf_counter()
    split_sections("WET READ: " + word * (50_000 // len(word)))
    assert time.perf_counter() - started < 5


@given(st.text())
def test_any_text_is_taken(text):
    split_sections(text)


SENTENCES = st.lists(
    st.sampled_from(["Clear lungs.", "No effusion.", "Big heart.", "A 2 cm mass"]), min_size=1
).map(" ".join)
HEADING = st.sampled_from(
    ["IMPRESSION:", "Impression:", "impression:", "CONCLUSION:", "IMPRESSION", "Impressions:"]
)
OTHERS = st.lists(
    st.tuples(
        st.sampled_from(["FINDINGS:", "Findings:", "INDICATION:", "TECHNIQUE:", "COMPARISON:", ""]), SENTENCES
    ),
    max_size=4,
)


@given(OTHERS, HEADING, SENTENCES, OTHERS)
def test_the_impression_is_never_lost(before, heading, impression, after):
    lines = [
        *(" ".join(part) for part in before),
        f"{heading}\n{impression}",
        *(" ".join(p) for p in after if p[0]),
    ]
    assert impression in split_sections("\n".join(lines)).impression


@given(OTHERS)
def test_no_word_of_a_report_is_lost(parts):
    text = "\n".join(" ".join(part) for part in parts)
    sections = split_sections(text)
    kept = " ".join(getattr(sections, name) for name in Sections.__dataclass_fields__)
    for word in ("Clear", "effusion", "Big", "mass"):
        assert kept.count(word) == text.count(word)
