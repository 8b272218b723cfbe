import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffcxr.errors import InputError
from diffcxr.sources.path_pattern import PathPattern, name_of, said_by


@pytest.mark.parametrize(
    ("pattern", "name", "said"),
    [
        ("{report_id}", "out/s1", {"report_id": "s1"}),
        ("{report_id}_{sample_index}", "s1_a_03", {"report_id": "s1_a", "sample_index": "03"}),
        ("{report_id}/{sample_index}", "out/s1/0", {"report_id": "s1", "sample_index": "0"}),
        ("{split}/*/{report_id}", "test/w2/s1", {"split": "test", "report_id": "s1"}),
        ("{report_id}/*", "s1/any.thing", {"report_id": "s1"}),
        ("img({report_id})", "img(s1)", {"report_id": "s1"}),
        ("{view}/*", "PA/s1", {"view": "PA", "report_id": "PA/s1"}),
        ("{report_id}_{sample_index}", "s1_x", None),
        ("{split}/{report_id}", "s1", None),
        (None, "a/s1", {"report_id": "a/s1"}),
    ],
)
def test_a_pattern_reads_the_end_of_a_path(pattern, name, said):
    assert said_by(name, None if pattern is None else PathPattern.parse(pattern)) == said


@pytest.mark.parametrize("pattern", ["", "*", "s1", "{text}", "{view}_{view}", "{report_id", "a}", "{}"])
def test_a_pattern_that_cannot_be_meant_is_one_error(pattern):
    with pytest.raises(InputError, match=r"source\.pattern"):
        PathPattern.parse(pattern)


@pytest.mark.parametrize(("path", "name"), [("a/b.c.png", "a/b.c"), ("a.d/b", "a.d/b"), ("", "")])
def test_a_name_is_a_path_without_its_last_suffix(path, name):
    assert name_of(path) == name


@given(st.text("ab_.", min_size=1), st.integers(0, 10**6), st.sampled_from(["", "x/", "x/y/"]))
def test_what_a_pattern_writes_it_reads(report_id, index, folder):
    read = PathPattern.parse("{report_id}_{sample_index}").read(f"{folder}{report_id}_{index}")
    assert read == {"report_id": report_id, "sample_index": str(index)}
