import numpy as np
import pytest

from diffcxr.phantom.templates import expand, sentence


def texts(template: str, **slots: str) -> set[str]:
    rng = np.random.default_rng(0)
    return {expand(template, rng, slots) for _ in range(200)}


def test_choices_nest_and_every_alternative_comes_up() -> None:
    assert texts("{a|b {c|d}|}") == {"a", "b c", "b d", ""}


def test_an_option_is_left_out_at_times() -> None:
    assert texts("x[ y| z]") == {"x", "x y", "x z"}


def test_slots_are_templates_too() -> None:
    assert texts("in the <place>", place="{right|left} lung") == {"in the right lung", "in the left lung"}


def test_a_missing_slot_is_named() -> None:
    with pytest.raises(KeyError, match="place"):
        expand("in the <place>", np.random.default_rng(0), {})


@pytest.mark.parametrize("template", ["{a|b", "a|b}", "{a]", "[a|{b|c]}"])
def test_unmatched_brackets_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match="unbalanced"):
        expand(template, np.random.default_rng(0), {})


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("a  apical cap", "An apical cap."),
        ("there is a ETT", "There is an ETT."),
        ("there is a PICC", "There is a PICC."),
        ("a unilateral nodule , stable", "A unilateral nodule, stable."),
        ("a unchanged nodule", "An unchanged nodule."),
    ],
)
def test_sentences_are_written_as_sentences(words: str, written: str) -> None:
    assert sentence(words) == written
