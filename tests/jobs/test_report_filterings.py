"""Filterings on the page: their rounds, and the films that are worth a look."""

import json
import re
import shutil
from pathlib import Path

import pytest

from cluster.storage import Storage
from diffcxr.errors import InputError
from jobs.report import Config, run
from tests.jobs.blob_corpus import blob_corpus
from tests.jobs.page_runs import REMOVED, write_filtering


def page_of(tmp_path: Path, runs: str, **options: object) -> str:
    run(Config(runs=runs, output=str(tmp_path / "page.html"), **options))  # type: ignore[arg-type]
    return (tmp_path / "page.html").read_text()


def sheets(html: str) -> list[list[str]]:
    """The films' names, part by part."""
    parts = re.findall(r'<ul class="sheet">(.*?)</ul>', html, re.DOTALL)
    return [re.findall(r'<p class="who">(.*?)</p>', part) for part in parts]


@pytest.fixture
def filtered(tmp_path: Path) -> Path:
    """A folder with a filtering whose corpus lies beside it."""
    films = blob_corpus(str(tmp_path / "films"), "phantom", 60, shard=7)
    write_filtering(Storage.at(tmp_path / "runs" / "filtered"), films)
    return tmp_path / "runs"


def test_rounds_and_films_are_shown(uri: str, tmp_path: Path) -> None:
    films = blob_corpus(uri, "phantom", 30)
    write_filtering(Storage.at(uri).child("filtered"), films)
    html = page_of(tmp_path, uri)
    assert f"{REMOVED} of 30 films (10.0%) do not belong." in html
    assert 'class="threshold"' in html and ">4.00<" in html
    strangest, kept = sheets(html)
    assert sorted(strangest) == ["phantom-0027", "phantom-0028", "phantom-0029"]
    assert len(kept) == 12 and not set(kept) & set(strangest)
    assert html.count("<img src=") == 3 * (len(strangest) + len(kept))


def test_every_bar_is_of_kept_or_of_removed_films(filtered: Path, tmp_path: Path) -> None:
    html = page_of(tmp_path, str(filtered))
    threshold = float(re.findall(r'<line x1="([\d.]+)%"[^>]*class="threshold"', html)[-1])
    bars = re.findall(r'<rect x="([\d.]+)%"[^>]*width="([\d.]+)%"[^>]*class="f-(\w+)"', html)
    assert {kind for *_, kind in bars} == {"real", "synthetic"}
    for left, width, kind in bars:
        below = float(left) + float(width) <= threshold + 0.02
        assert below == (kind == "synthetic")


def test_fewer_films_are_shown_on_request_and_none_at_zero(filtered: Path, tmp_path: Path) -> None:
    assert [len(part) for part in sheets(page_of(tmp_path, str(filtered), films=2))] == [2, 2]
    html = page_of(tmp_path, str(filtered), films=0)
    assert not sheets(html) and "Round by round" in html and "cannot be shown" not in html


def test_a_corpus_that_is_gone_is_said_in_place(filtered: Path, tmp_path: Path) -> None:
    shutil.move(tmp_path / "films", tmp_path / "elsewhere")
    html = page_of(tmp_path, str(filtered))
    assert "The films cannot be shown: no corpus here" in html and "Name it by real=URI." in html
    assert "Round by round" in html
    assert not sheets(html)
    assert len(sheets(page_of(tmp_path, str(filtered), real=str(tmp_path / "elsewhere")))) == 2


def test_a_summary_that_was_never_written_is_said_in_place(filtered: Path, tmp_path: Path) -> None:
    (filtered / "filtered" / "training" / "filter" / "summary.json").unlink()
    assert "The films cannot be shown: the corpus is not at hand" in page_of(tmp_path, str(filtered))


def test_another_corpus_in_its_place_is_not_taken_for_it(filtered: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "films")
    blob_corpus(str(tmp_path / "films"), "phantom", 59)
    assert "another corpus lies where it lay" in page_of(tmp_path, str(filtered))


def test_a_damaged_corpus_is_said_in_place(filtered: Path, tmp_path: Path) -> None:
    shard = tmp_path / "films" / "shards" / "00008.parquet"  # holds the films that were removed
    shard.write_bytes(shard.read_bytes()[:-100])
    assert "The films cannot be shown: not a Parquet file" in page_of(tmp_path, str(filtered))


def test_a_page_of_many_filterings_stays_small(filtered: Path, tmp_path: Path) -> None:
    for number in range(5):
        shutil.copytree(filtered / "filtered", filtered / f"again-{number}")
    html = page_of(tmp_path, str(filtered))
    assert html.count("<img src=") <= 324 and len(sheets(html)) == 12


def test_an_unfinished_filtering_is_not_shown(filtered: Path, tmp_path: Path) -> None:
    (filtered / "filtered" / "training" / "filter" / "log.jsonl").unlink()
    with pytest.raises(InputError, match="no runs here"):
        page_of(tmp_path, str(filtered))


@pytest.mark.parametrize("damaged", ["rounds.json", "examples.json", "scores.parquet"])
def test_a_damaged_filtering_is_an_error_that_names_the_file(
    filtered: Path, tmp_path: Path, damaged: str
) -> None:
    (filtered / "filtered" / damaged).write_text(json.dumps([{"films": 30}]))
    with pytest.raises(InputError, match=damaged.replace(".", r"\.")):
        page_of(tmp_path, str(filtered))
