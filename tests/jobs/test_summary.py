"""What a job says at its end is aligned for people and strict JSON for programs."""

from __future__ import annotations

import json

import pytest

from jobs.summary import Summary


def test_the_table_is_aligned_with_numbers_to_the_right() -> None:
    table = [["images", 12345, None], ["rate", 2.34567, "per second"], ["whole", True]]
    assert Summary(values={}, table=table).render() == (
        "images  12,345\nrate     2.346  per second\nwhole      yes"
    )


def test_without_a_table_the_values_are_shown() -> None:
    assert Summary(values={"rows": 3, "name": "a"}).render() == "rows  3\nname  a"


def test_numbers_keep_their_meaning() -> None:
    rows = [["small", 0.000123456], ["auc", 0.98765], ["large", 29640568832.0], ["none", None]]
    shown = [line.split()[1:] for line in Summary(values={}, table=rows).render().splitlines()]
    assert shown == [["0.0001235"], ["0.9877"], ["29,640,568,832"], []]


def test_summary_json_is_sorted_and_refuses_what_json_cannot_say() -> None:
    assert json.loads(Summary(values={"b": [1, None], "a": "x"}).encode()) == {"a": "x", "b": [1, None]}
    assert Summary(values={"b": 1, "a": 2}).encode().index(b'"a"') < 5
    with pytest.raises(ValueError, match="not JSON compliant"):
        Summary(values={"fid": float("nan")}).encode()
