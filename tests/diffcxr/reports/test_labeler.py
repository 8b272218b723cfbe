import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffcxr.findings import CHEXPERT_14, NEGATIVE, POSITIVE, UNCERTAIN
from diffcxr.reports.labeler import label_report


def test_a_report_says_the_strongest_of_what_its_sentences_say():
    assert label_report("No effusion. Possible effusion.")["Pleural Effusion"] == UNCERTAIN
    assert label_report("Possible effusion. Small effusion. No effusion.")["Pleural Effusion"] == POSITIVE


def test_no_finding_means_that_nothing_but_devices_is_said():
    assert label_report("Lungs are clear. No effusion.")["No Finding"] == POSITIVE
    assert label_report("Clear lungs. Pacemaker in place.")["No Finding"] == POSITIVE
    assert label_report("Clear lungs. Possible effusion.")["No Finding"] is None
    assert label_report("Cardiomegaly.")["No Finding"] is None
    assert label_report("")["No Finding"] is None
    assert label_report("XXXX.")["No Finding"] is None


WORDS = [
    *(
        "no",
        "not",
        "without",
        "possible",
        "may",
        "but",
        ",",
        ".",
        ";",
        ":",
        "with",
        "and",
        "or",
        "the",
        "heart",
    ),
    *(
        "enlarged",
        "effusion",
        "pneumothorax",
        "opacity",
        "nodule",
        "cannot",
        "be",
        "excluded",
        "resolved",
        "has",
    ),
    *(
        "is",
        "versus",
        "XXXX",
        "___",
        "if",
        "history",
        "of",
        "clear",
        "lungs",
        "fracture",
        "?",
        "1.",
        "normal",
    ),
]
TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from([*WORDS, "\n\n"]), max_size=40).map(" ".join),
)


@given(TEXTS)
def test_any_text_has_fourteen_labels_and_keeps_the_rule_of_no_finding(text):
    labels = label_report(text)
    assert tuple(labels) == CHEXPERT_14
    assert set(labels.values()) <= {POSITIVE, NEGATIVE, UNCERTAIN, None}
    if labels["No Finding"] == POSITIVE:
        others = [v for n, v in labels.items() if n not in ("No Finding", "Support Devices")]
        assert set(others) <= {NEGATIVE, None}


@given(TEXTS, TEXTS)
def test_more_text_never_weakens_a_label(first, second):
    strength = {None: 0, NEGATIVE: 1, UNCERTAIN: 2, POSITIVE: 3}
    one, both = label_report(first), label_report(f"{first}\n\n{second}")
    assert all(strength[both[name]] >= strength[one[name]] for name in CHEXPERT_14 if name != "No Finding")


@given(st.lists(st.sampled_from([word for word in WORDS if word != "1."]), max_size=40))
def test_case_and_wrapping_do_not_matter(words):
    assert label_report("\n".join(words).upper()) == label_report(" ".join(words))


@pytest.mark.parametrize(
    "word", ["heart ", "no ", ", small ", "[**", "(XXXX) ", "effusion versus ", "((((XXXX"]
)
def test_a_text_without_end_is_labelled_in_no_time(word):
    started = time.process_time()
    label_report(word * 20_000)
    assert time.process_time() - started < 10
