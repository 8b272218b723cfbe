import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffcxr.sources.lookup import Lookup
from diffcxr.sources.row import RejectedError

LINES = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(["train", "test"])), max_size=12)


@given(LINES, st.sampled_from("abcde"))
def test_a_key_is_answered_where_all_its_lines_agree_and_refused_otherwise(lines, key):
    lookup = Lookup("list", [{"film": film, "split": split} for film, split in lines], "film", ["split"])
    said = {split for film, split in lines if film == key}
    if len(said) == 1:
        assert lookup[key] == (said.pop(),)
        return
    with pytest.raises(RejectedError) as caught:
        lookup[key]
    assert caught.value.reason == ("contradictory lines in the list" if said else "not in the list")


def test_equal_lines_share_their_memory():
    lookup = Lookup("table", ({"id": f"{n}", "label": f"{n % 2}.0"} for n in range(100)), "id", ["label"])
    assert len({id(lookup[f"{n}"]) for n in range(100)}) == 2


def test_a_line_that_is_no_record_answers_nothing():
    assert Lookup("table", ["ragged line", {"id": "a", "label": ""}], "id", ["label"])["a"] == ("",)
