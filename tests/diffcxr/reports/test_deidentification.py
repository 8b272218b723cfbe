import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffcxr.reports.deidentification import remove_marks

CASES = [
    ("", ""),
    ("Lungs are clear.", "Lungs are clear."),
    ("  Lungs \n are\tclear. ", "Lungs are clear."),
    ("Seen by Dr. XXXX, unchanged.", "Seen by Dr. unchanged."),
    ("Compared with ___, the effusion is smaller.", "Compared with, the effusion is smaller."),
    ("XXXX. Clear lungs.", "Clear lungs."),
    ("Clear lungs. XXXX.", "Clear lungs."),
    ("Clear lungs. XXXX", "Clear lungs."),
    ("Unremarkable chest x-XXXX today.", "Unremarkable chest today."),
    ("A ___-year-old patient.", "A year-old patient."),
    ("Nodule in the XXXX lobe (XXXX).", "Nodule in the lobe."),
    ("Film of XXXX/XXXX/XXXX shows a mass.", "Film of shows a mass."),
    ("XXXX, XXXX, and XXXX were told.", "and were told."),
    ("The tube, XXXX, ends high.", "The tube, ends high."),
    ("Wires from XXXX's operation.", "Wires from operation."),
    ("___: Clear.", "Clear."),
    ("[**Hospital 12**] film, clear.", "film, clear."),
    ("Seen on [**2101-1-1**].", "Seen on."),
    ("XXXX", ""),
    ("Told at XXXXPM of 3rd-5XXXX rib films.", "Told at PM of 3rd-5 rib films."),
    ("___ ___.", ""),
    ("Port in place, XXXX.", "Port in place."),
    ('Called "XXXX" before.', "Called before."),
]


@pytest.mark.parametrize(("text", "clean"), CASES)
def test_marks_go_and_the_sentence_stays(text, clean):
    assert remove_marks(text) == clean


def test_words_that_look_like_marks_stay():
    assert remove_marks("Age XX, exxx, T_4.") == "Age XX, exxx, T_4."


PIECES = st.sampled_from(
    [
        "XXXX",
        "___",
        "xxxx",
        "[**a 1**]",
        " ",
        " ",
        "lung",
        "no",
        ",",
        ".",
        "(",
        ")",
        "-",
        "/",
        "'s",
        ":",
        '"',
        "\n",
        "1",
    ]
)


@given(st.lists(PIECES, max_size=25).map("".join))
def test_no_mark_is_left_and_removing_again_changes_nothing(text):
    clean = remove_marks(text)
    assert not re.search(r"___|[Xx]{4,}|\[\*\*", clean)
    assert "  " not in clean
    assert clean == clean.strip()
    assert remove_marks(clean) == clean


@given(st.lists(PIECES, max_size=25).map("".join))
def test_every_word_survives(text):
    marked = re.sub(r"\[\*\*.*?\*\*\]|_{2,}|[Xx]{4,}", " ", " ".join(text.split()))
    assert re.findall(r"lung|no", remove_marks(text)) == re.findall(r"lung|no", marked)


@given(st.text())
def test_any_text_is_taken(text):
    assert isinstance(remove_marks(text), str)
