import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffcxr.sources.fields import age_of, label_of, labels_of, sex_of, split_of, valid, view_of
from diffcxr.sources.row import RejectedError


@given(st.integers(0, 130))
def test_an_age_in_years_is_read_in_each_way_of_writing_it(years):
    assert {age_of(text) for text in (f"{years}", f"{years}.0", f"{years:03d}Y", f" {years}Y ")} == {years}


@pytest.mark.parametrize(("text", "years"), [("006M", 0.5), ("024M", 2.0), ("000D", 0.0), ("1461D", 4.0)])
def test_dicoms_months_and_days_become_years(text, years):
    assert age_of(text) == pytest.approx(years)


@given(st.text(max_size=8))
def test_any_text_is_an_age_that_a_person_can_have_or_none(text):
    age = age_of(text)
    assert age is None or 0 <= age <= 130


@pytest.mark.parametrize("text", ["", "Y", "-1", "414Y", "nan", "inf", "58 years", "5Y8M", "1e9"])
def test_what_is_no_age_is_none(text):
    assert age_of(text) is None


@given(st.one_of(st.floats(), st.integers(), st.text(max_size=6)))
def test_a_label_is_one_of_three_or_none(field):
    label = label_of(field)
    assert label in (1, 0, -1, None)
    assert label is None or float(str(field)) == label


def test_a_blank_field_is_none_and_a_filled_one_must_say_something():
    assert valid(label_of, " ", "label") is None
    assert valid(label_of, "-1.0", "label") == -1
    with pytest.raises(RejectedError, match="no valid label"):
        valid(label_of, "certainly", "label")


def test_a_reason_holds_nothing_of_the_field():
    with pytest.raises(RejectedError) as caught:
        labels_of(["a name that must not be told"] * 14)
    assert caught.value.reason == "no valid label"


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("PA", "PA"),
        ("ap supine", "AP"),
        ("LL", "LATERAL"),
        ("XTABLE LATERAL", "LATERAL"),
        ("LAO", None),
        ("", None),
    ],
)
def test_views_are_read(text, view):
    assert view_of(text) == view


def test_sexes_and_splits_are_read():
    assert [sex_of(text) for text in ("Female", " m ", "Unknown", "")] == ["F", "M", None, None]
    assert [split_of(text) for text in ("valid", "validate", "TRAIN", "x")] == [
        "validate",
        "validate",
        "train",
        None,
    ]
