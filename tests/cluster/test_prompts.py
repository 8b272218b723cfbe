"""Prompts that no film can be made of are told before any pipeline sees them; all others are taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.prompts import CONTROL_CHARACTERS, EMPTY_PROMPT, TOO_LARGE, prompt_fault

WORDS = st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=60)


@pytest.mark.parametrize(
    "prompt", ["", "___", "___ (___), ___.", "XXXX. XXXX", "[**Name (un) 12**]", " - . "]
)
def test_nothing_but_marks_and_punctuation_is_empty(prompt: str) -> None:
    assert prompt_fault(prompt) == EMPTY_PROMPT


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f"])
def test_control_characters_are_told(character: str) -> None:
    assert prompt_fault(f"The heart is {character} normal.") == CONTROL_CHARACTERS


def test_fifty_thousand_words_are_too_large_and_a_long_report_is_not() -> None:
    assert prompt_fault("lung " * 50_000) == TOO_LARGE
    assert prompt_fault("lung " * 5_000) is None


@pytest.mark.parametrize(
    "prompt",
    [
        "PA",
        "63",
        "x",
        "X-ray ___",
        "[**Name**] is well",
        "Ein großes Herz",
        "心影增大",
        "a\tb\r\nc\fd",
        "it\x92s",
    ],
)
def test_what_says_something_is_taken(prompt: str) -> None:
    assert prompt_fault(prompt) is None


@given(WORDS, WORDS)
def test_a_word_among_anything_printable_is_taken(before: str, after: str) -> None:
    assert prompt_fault(f"{before} lung {after}") is None
