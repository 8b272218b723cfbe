from __future__ import annotations

import random

import numpy as np
import pytest

from diffcxr.denoiser.contradiction import EMPTY, contradict, contradictions, written_sentences
from diffcxr.denoiser.knowledge import KNOWLEDGE
from diffcxr.findings import DIFFCXR_11, NEGATIVE, POSITIVE, FindingName
from diffcxr.reports.labeler import label_report
from diffcxr.sources.phantom import phantom_rows

TEXTS = [row.text for row in phantom_rows(200, 21, images=False)]
LABELS = [label_report(text) for text in TEXTS]


@pytest.mark.parametrize("finding", DIFFCXR_11)
def test_a_finding_is_said_otherwise_and_no_other_is_added(finding: FindingName) -> None:
    draw = random.Random(1)
    others = 0
    for text, said in zip(TEXTS, LABELS, strict=True):
        labels = label_report(contradict(text, [finding], draw))
        was, now = (one[finding] == POSITIVE for one in (said, labels))
        assert now != was
        others += sum(labels[name] == POSITIVE and said[name] != POSITIVE for name in DIFFCXR_11) - now
    assert others == 0, "what is added says one thing"


def test_what_was_there_is_denied_half_of_the_time() -> None:
    draw = random.Random(2)
    edited = [contradict("A moderate pleural effusion.", ["Pleural Effusion"], draw) for _ in range(200)]
    denied = [label_report(one)["Pleural Effusion"] == NEGATIVE for one in edited]
    assert 70 < sum(denied) < 130 and edited.count(EMPTY) == 200 - sum(denied)


def test_sentences_that_say_nothing_of_the_finding_are_kept_as_they_were() -> None:
    text = "Portable chest. Small left effusion.\nHeart size is normal. Prior sternotomy."
    edited = contradict(text, ["Pleural Effusion"], random.Random(3))
    kept = [sentence for sentence in written_sentences(text) if "effusion" not in sentence]
    assert [sentence for sentence in written_sentences(edited) if sentence in kept] == kept


def test_a_finding_is_added_in_the_words_of_its_typical_case() -> None:
    edited = contradict("Clear lungs.", ["Fracture", "Lung Lesion"], random.Random(4))
    added = {KNOWLEDGE["Fracture"].typical, KNOWLEDGE["Lung Lesion"].typical}
    assert set(written_sentences(edited)) == {"Clear lungs."} | added


def test_contradictions_are_sure_the_same_again_and_labelled_on_both_sides() -> None:
    told: list[str] = []
    made = contradictions(TEXTS, LABELS, on_text=lambda: told.append("one"))
    assert made == contradictions(TEXTS, LABELS) and len(told) == len(TEXTS)
    differing = []
    for contradiction, said in zip(made, LABELS, strict=True):
        wrong, before, after = label_report(contradiction.text), contradiction.before, contradiction.after
        findings = [name for name in DIFFCXR_11 if (wrong[name] == POSITIVE) != (said[name] == POSITIVE)]
        for name in DIFFCXR_11:
            assert before[name] == (NEGATIVE if name in findings and said[name] is None else said[name])
            assert after[name] == (NEGATIVE if name in findings and wrong[name] is None else wrong[name])
        differing.append(len(findings))
    # A sentence may tell of two findings; both go with it.
    assert min(differing) == 1 and np.mean(np.array(differing) <= 3) > 0.95 and {1, 2, 3} <= set(differing)
