import pytest
from hypothesis import given
from hypothesis import strategies as st

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
