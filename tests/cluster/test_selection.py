"""Selections: what a grown corpus has more, what a run has rejected, and both joined with what there was."""

from dataclasses import replace
from pathlib import Path

import pytest

from cluster.corpus import Corpus
from cluster.plan import Plan, plan_units
from cluster.selection import (
    Selected,
    differing_pixels,
    refuse_other_seed,
    select_all,
    select_new,
    select_rejected,
)
from diffcxr.errors import InputError
from tests.generated_run import generated_run
from tests.reports_corpus import reports_corpus


def planned(selected: Selected, samples_per_report: int, images: int = 5) -> Plan:
    return plan_units(selected.reports, None, samples_per_report, images, selection=selected.selection)


def samples(output: Path) -> list[tuple[str, int, int]]:
    tables = Corpus.open(output).tables(["report_id", "sample_index", "seed"])
    return [tuple(row.values()) for table in tables for row in table.to_pylist()]


@pytest.mark.parametrize("each", [1, 3])
def test_a_corpus_that_grew_is_continued_without_a_sample_twice(tmp_path: Path, each: int) -> None:
    small = reports_corpus(tmp_path / "small", reports=7, texts={2: ""})
    grown = reports_corpus(tmp_path / "grown", reports=12, shard_rows=5, texts={2: ""})
    generated_run(small, tmp_path / "first", samples_per_report=each)
    selected = select_new(grown, Corpus.open(tmp_path / "first"), each, limit=None)
    generated_run(grown, tmp_path / "second", samples_per_report=each, selected=selected)
    generated_run(grown, tmp_path / "whole", samples_per_report=each)
    assert planned(selected, each).samples == 5 * each, "a report whose samples were rejected is held too"
    assert samples(tmp_path / "first") + samples(tmp_path / "second") == samples(tmp_path / "whole")


def test_a_corpus_that_did_not_grow_gives_a_corpus_without_rows(tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "reports")
    generated_run(corpus, tmp_path / "first")
    selected = select_new(corpus, Corpus.open(tmp_path / "first"), 1, limit=None)
    generated_run(corpus, tmp_path / "second", selected=selected)
    assert Corpus.open(tmp_path / "second").rows == 0


def test_the_limit_counts_the_reports_that_are_made(tmp_path: Path) -> None:
    small = reports_corpus(tmp_path / "small", reports=7)
    grown = reports_corpus(tmp_path / "grown", reports=12)
    generated_run(small, tmp_path / "first")
    selected = select_new(grown, Corpus.open(tmp_path / "first"), 2, limit=3)
    assert planned(selected, 2).samples == 6


def test_rejects_are_tried_again_each_with_its_own_seed(tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "reports", texts={2: "", 5: " ", 6: ""})
    generated_run(corpus, tmp_path / "first", samples_per_report=2)
    parent = Corpus.open(tmp_path / "first")
    assert parent.rows == 14
    selected = select_rejected(corpus, parent, 2, limit=None)
    assert planned(selected, 2).samples == 6
    generated_run(corpus, tmp_path / "again", samples_per_report=2, selected=selected, prompt="{text} {view}")
    generated_run(corpus, tmp_path / "whole", samples_per_report=2, prompt="{text} {view}")
    again = samples(tmp_path / "again")
    assert [row[:2] for row in again] == [(f"study-00{n}", i) for n in (2, 5, 6) for i in (0, 1)]
    assert set(again) < set(samples(tmp_path / "whole"))


def test_a_parent_of_another_corpus_or_without_rejects_is_refused(tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "reports", texts={2: ""})
    other = reports_corpus(tmp_path / "other", reports=11)
    generated_run(corpus, tmp_path / "first", samples_per_report=2)
    generated_run(other, tmp_path / "clean")
    with pytest.raises(InputError, match="another corpus"):
        select_rejected(other, Corpus.open(tmp_path / "first"), 2, limit=None)
    with pytest.raises(InputError, match="no rejects"):
        select_rejected(other, Corpus.open(tmp_path / "clean"), 1, limit=None)
    with pytest.raises(InputError, match="samples_per_report=2"):
        select_rejected(corpus, Corpus.open(tmp_path / "first"), 1, limit=None)


def test_a_retry_keeps_the_parent_s_seed_and_is_told_what_else_it_changes(tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "reports", texts={2: ""})
    same = generated_run(corpus, tmp_path / "first", seed=7)
    parent = Corpus.open(tmp_path / "first")
    refuse_other_seed(parent, 7)
    with pytest.raises(InputError, match=r"made with seed=7, not with seed=0.*Give seed=7") as refused:
        refuse_other_seed(parent, 0)
    assert "\n" not in str(refused.value)
    assert differing_pixels(parent, same) == []
    other = replace(same, pixels={**same.pixels, "steps": 3, "compile": True})
    assert differing_pixels(parent, other) == [
        "pixels.compile is absent there and true here",
        "pixels.steps is 2 there and 3 here",
    ]


def test_what_is_excluded_is_part_of_the_run_s_identity(tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "reports", reports=8)
    selected = select_all(corpus, None)
    whole = generated_run(corpus, tmp_path / "a", units=0, selected=selected)
    part = generated_run(
        corpus, tmp_path / "b", units=0, selected=replace(selected, identity={"exclude": "a-digest"})
    )
    assert whole.plan_hash != part.plan_hash
    assert part.plan["exclude"] == "a-digest" and "exclude" not in whole.plan
