from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest
import torch

from diffcxr.denoiser import knowledge
from diffcxr.denoiser.hint import NOTHING_SAID, hints_digest, make_hint
from diffcxr.denoiser.knowledge import KNOWLEDGE
from diffcxr.findings import CHEXPERT_14, DIFFCXR_11, NEGATIVE, POSITIVE, UNCERTAIN, FindingName, Labels
from diffcxr.language.text_encoder import TextEncoder
from diffcxr.reports.labeler import label_report

TYPICAL = {entry.typical for entry in KNOWLEDGE.values()}


def all_labelled(value: int | None) -> Labels:
    return dict.fromkeys(CHEXPERT_14, value)


def test_there_is_one_entry_a_finding_and_none_is_empty_or_another_ones() -> None:
    assert tuple(KNOWLEDGE) == DIFFCXR_11
    phrases = [phrase for entry in KNOWLEDGE.values() for phrase in dataclasses.astuple(entry)]
    assert all(phrases) and len(set(phrases)) == 5 * len(DIFFCXR_11)
    assert not any(phrase.endswith(".") for phrase in phrases if phrase not in TYPICAL)


@pytest.mark.parametrize("finding", DIFFCXR_11)
def test_a_typical_case_is_a_sentence_that_tells_of_that_finding_alone(finding: FindingName) -> None:
    said = label_report(KNOWLEDGE[finding].typical)
    assert [name for name in CHEXPERT_14 if said[name] is not None] == [finding]
    assert KNOWLEDGE[finding].typical.endswith(".")


def test_a_hint_says_what_its_report_says() -> None:
    report = "Moderate right pleural effusion. No pneumothorax. Possible pneumonia."
    hint = make_hint(label_report(report))
    assert hint.endswith(
        "There is no pneumothorax. "
        "There may be pneumonia, or instead atelectasis or aspiration. "
        "There is pleural effusion."
    )
    assert "Pleural effusion is fluid between lung and chest wall: a blunted costophrenic angle" in hint
    assert "Pneumonia is infection" in hint and "Pneumothorax is" not in hint
    assert "cardiomegaly" not in hint.lower()


@pytest.mark.parametrize("finding", DIFFCXR_11)
def test_each_state_of_a_finding_gives_a_hint_of_its_own(finding: FindingName) -> None:
    rest = all_labelled(NEGATIVE)
    hints = [make_hint(rest | {finding: value}) for value in (POSITIVE, NEGATIVE, UNCERTAIN, None)]
    assert len(set(hints)) == 4
    assert finding.lower() not in hints[3].lower()


def test_a_report_that_speaks_of_no_finding_says_so() -> None:
    assert make_hint(label_report("The aorta is tortuous.")) == NOTHING_SAID


@pytest.mark.parametrize("finding", DIFFCXR_11)
def test_the_text_encoder_tells_a_present_finding_from_an_absent_one(finding: FindingName) -> None:
    present, absent = (
        TextEncoder()([make_hint(all_labelled(NEGATIVE) | {finding: value})])[0].mean(dim=1)
        for value in (POSITIVE, NEGATIVE)
    )
    assert torch.cosine_similarity(present, absent) < 0.9


def test_the_words_of_hints_are_those_that_the_shipped_adapter_was_taught() -> None:
    """Where this fails, the adapter of `models/mini` is told what it has never heard: teach it again."""
    words = "\n".join(
        make_hint(all_labelled(None) | {finding: value})
        for finding in DIFFCXR_11
        for value in (NEGATIVE, UNCERTAIN, POSITIVE)
    )
    assert hashlib.sha256(words.encode()).hexdigest()[:16] == "eb617fdca7eca3a3"


def test_another_wording_is_another_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "knowledge.py"
    changed.write_text(Path(knowledge.__file__).read_text().replace("an enlarged heart", "a large heart"))
    before = hints_digest()
    monkeypatch.setattr(knowledge, "__file__", str(changed))
    assert hints_digest.__wrapped__() != before
