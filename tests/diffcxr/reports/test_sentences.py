import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffcxr.reports.sentences import MAX_SENTENCE, split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        ("Clear. Big heart.", ["clear", "big heart"]),
        ("A 1.5 cm nodule. Clear", ["a 1.5 cm nodule", "clear"]),
        ("1. Clear.\n2. Big heart.", ["clear", "big heart"]),
        ("1. Clear. 2. Big heart.", ["clear", "big heart"]),
        ("Edema vs. pneumonia; clear apex.", ["edema vs. pneumonia", "clear apex"]),
        ("Wrapped\nline. Clear\n\nNext", ["wrapped line", "clear", "next"]),
        ("Clear.Next one", ["clear", "next one"]),
        ("No XXXX effusion.", ["no effusion"]),
        ("Fluid w/o oedema, r/o air space disease", ["fluid without edema, rule out airspace disease"]),
        ("- clear\n- big heart", ["clear", "big heart"]),
    ],
)
def test_a_text_falls_into_plain_sentences(text, sentences):
    assert list(split_sentences(text)) == sentences


@given(st.text())
def test_sentences_are_short_plain_and_not_empty(text):
    for sentence in split_sentences(text):
        assert sentence == sentence.strip() and 0 < len(sentence) <= MAX_SENTENCE
        assert "\n" not in sentence
