import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffcxr.reports.prompt import make_prompt


@pytest.mark.parametrize(
    ("findings", "impression", "prompt"),
    [
        ("", "", ""),
        (None, None, ""),
        ("Clear lungs.", None, "Clear lungs."),
        ("", "Normal chest", "Normal chest."),
        ("Clear lungs", "Normal chest.", "Clear lungs. Normal chest."),
        ("Small\n effusion, XXXX.", "1. Effusion.\n2. ___", "Small effusion. 1. Effusion. 2."),
        ("XXXX.", "___", ""),
    ],
)
def test_both_sections_are_joined_without_marks(findings, impression, prompt):
    assert make_prompt(findings, impression) == prompt


@given(st.text(), st.text())
def test_a_prompt_is_one_clean_line(findings, impression):
    prompt = make_prompt(findings, impression)
    assert prompt == " ".join(prompt.split())
    assert make_prompt(prompt, "") == prompt
