"""What a person types becomes the value they meant, without quoting it for any grammar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diffcxr.errors import InputError
from jobs.options import options_of, parse_value
from jobs.overrides import compose_config, override_texts
from tests.jobs.toy_job import Config

NEEDED = ["source=phantom", "output=out"]


def compose(*overrides: str) -> Config:
    return compose_config("toy", Config, [*NEEDED, *overrides])


def refusal(overrides: Sequence[str]) -> str:
    with pytest.raises(InputError) as caught:
        compose_config("toy", Config, overrides)
    return str(caught.value)


@settings(deadline=None, max_examples=60)
@given(st.text())
@example("s3://bucket/a b,c=d/{text}/${oc.env:HOME}")
@example("it's \"quoted\" \\' \\\\")
@example("\\${a}\\")
@example("[a, b]")
@example("{a: 1}")
@example("null")
@example("3")
@example("true")
@example("a\nb")
@example("")
def test_text_arrives_as_typed(text: str) -> None:
    if text == "???":
        return  # the one text that configs cannot hold; refused in the test below
    config = compose(f"output={text}", f"prompt={text}")
    assert (config.output, config.prompt) == (text, text)


def test_the_mark_of_a_missing_value_is_refused() -> None:
    assert "missing" in refusal([*NEEDED, "prompt=???"])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(), max_size=4), st.lists(st.floats(0, 1), max_size=4))
def test_lists_of_a_plan_arrive_as_written(texts: list[str], numbers: list[float]) -> None:
    if "???" in texts:
        return
    config = compose(*override_texts({"metrics": texts, "thresholds": numbers}))
    assert (config.metrics, config.thresholds) == (texts, numbers)


@pytest.mark.parametrize(
    ("typed", "metrics"),
    [
        ("[fid,kid]", ["fid", "kid"]),
        ("[ fid , kid ]", ["fid", "kid"]),
        ("fid,kid", ["fid", "kid"]),
        ("fid", ["fid"]),
        ("[]", []),
        ('["a,b",c]', ["a,b", "c"]),
        ("['a,b',c]", ["a,b", "c"]),
        ("[it's,s3://b/k=v]", ["it's", "s3://b/k=v"]),
    ],
)
def test_lists_are_typed_with_or_without_brackets(typed: str, metrics: list[str]) -> None:
    assert compose(f"metrics={typed}").metrics == metrics


def test_values_take_the_type_of_their_option() -> None:
    config = compose(
        "source.rows=7", "batch_size=16", "guidance_scale=3", "dry_run=yes", "note=null", "workers.max=2"
    )
    assert config.source.rows == 7
    assert config.batch_size == 16
    assert isinstance(config.guidance_scale, float)
    assert config.dry_run is True
    assert config.note is None
    assert (config.workers.min, config.workers.max) == (1, 2)
    assert compose("batch_size=auto").batch_size == "auto"


def test_a_group_named_alone_sets_its_name() -> None:
    assert compose("source=table", "source.root=a b").source.name == "table"


def test_of_a_key_given_twice_the_last_wins() -> None:
    assert compose("prompt=a", "prompt=b").prompt == "b"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ([], "missing: source=... output=..."),
        (["source=phantom"], "missing: output=.... URI of the result"),
        ([*NEEDED, "promt=x"], "unknown option: promt. Did you mean prompt=...?"),
        ([*NEEDED, "source.rot=x"], "unknown option: source.rot. Did you mean source.root=...?"),
        ([*NEEDED, "sorce=x"], "unknown option: sorce. Did you mean source=...?"),
        ([*NEEDED, "--dry-run"], "unknown option: --dry-run. Did you mean dry_run=...?"),
        ([*NEEDED, "dry_run"], "an option without its value: dry_run. Write dry_run=..."),
        ([*NEEDED, "zzz"], "not an option of the form key=value: zzz"),
        (
            [*NEEDED, "source.rows=many"],
            "'many' is not a whole number or null: source.rows. It may be at least 1.",
        ),
        ([*NEEDED, "source.rows=0"], "0 is not allowed: source.rows. It may be at least 1."),
        ([*NEEDED, "guidance_scale=nan"], "nan is not allowed: guidance_scale. It may be 0 to 20."),
        ([*NEEDED, "guidance_scale=99"], "99.0 is not allowed: guidance_scale. It may be 0 to 20."),
        ([*NEEDED, "thresholds=[0.5,2]"], "2.0 is not allowed: thresholds. It may be 0 to 1."),
        ([*NEEDED, "batch_size=big"], "'big' is not allowed: batch_size. It may be at least 1 or auto."),
        ([*NEEDED, "source=nih"], "'nih' is not allowed: source. It may be phantom, table."),
        ([*NEEDED, "dry_run=maybe"], "'maybe' is not true or false: dry_run"),
        ([*NEEDED, "metrics=[fid"], "'[fid' is not a list [a,b], each a text: metrics"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(overrides: list[str], said: str) -> None:
    assert refusal(overrides) == said


def test_options_are_listed_in_order_with_their_nested_keys() -> None:
    keys = [option.key for option in options_of(Config)]
    assert keys[:5] == ["source.name", "source.root", "source.rows", "workers.min", "workers.max"]
    assert [option.key for option in options_of(Config) if option.required] == ["source.name", "output"]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [("1_000", int, 1000), (" 2 ", int, 2), ("1e-4", float, 1e-4), ("off", bool, False), ("7", str, "7")],
)
def test_numbers_and_words_are_read_as_python_reads_them(text: str, kind: type, value: Any) -> None:
    parsed = parse_value(text, kind)
    assert parsed == value
    assert type(parsed) is kind
