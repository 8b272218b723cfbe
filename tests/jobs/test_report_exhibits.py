"""Curves and neighbours on the page."""

import re
import shutil
from pathlib import Path

import pytest

from cluster.corpus import Corpus
from cluster.exhibits import EXHIBITS_PATH, exhibits_to_json
from cluster.storage import Storage
from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14
from eval.scores import scores_to_json
from jobs.report import Config, run
from tests.jobs.blob_corpus import blob_corpus
from tests.jobs.page_exhibits import exhibits
from tests.jobs.page_runs import metrics


def page_of(tmp_path: Path, **options: object) -> str:
    run(Config(runs=str(tmp_path / "runs"), output=str(tmp_path / "page.html"), **options))  # type: ignore[arg-type]
    return (tmp_path / "page.html").read_text()


@pytest.fixture
def films(tmp_path: Path) -> Corpus:
    return blob_corpus(str(tmp_path / "films"), "phantom", 30)


def write(tmp_path: Path, films: Corpus, name: str = "evaluation") -> None:
    place = Storage.at(tmp_path / "runs" / name)
    place.create("metrics.json", scores_to_json(metrics(0.8)))
    place.create(EXHIBITS_PATH, exhibits_to_json(exhibits(films, films, CHEXPERT_14)))


def test_each_finding_has_a_curve_with_its_band_and_says_it_in_words(tmp_path: Path, films: Corpus) -> None:
    write(tmp_path, films)
    html = page_of(tmp_path)
    curves = re.findall(r'<svg class="roc".*?</figure>', html, re.DOTALL)
    assert len(curves) == 14
    drawn = {re.search(r"<b>(.*?)</b>", each)[1].replace("\u00ad", ""): each for each in curves}  # type: ignore[index]
    assert set(drawn) == set(CHEXPERT_14)
    assert all(
        "<polygon" in each and "40 % found (36 to 44 %) at 10 % false alarms" in each for each in curves
    )
    assert drawn["Edema"].count("<polyline") == 2 and drawn["Pneumonia"].count("<polyline") == 1
    assert "AUC 0.800" in drawn["Edema"] and "AUC" not in drawn["Fracture"]
    assert "500 resamples of patients" in html


def test_neighbours_best_and_worst_are_shown_with_their_distances(tmp_path: Path, films: Corpus) -> None:
    write(tmp_path, films)
    html = page_of(tmp_path)
    shown = html[html.index("Which films are near real ones?") :]
    assert shown.count('alt="Real film phantom-') == 6
    assert shown.count('alt="Synthetic film phantom-') == 6 + 3 + 3
    assert "distance 1.500; 0 % of real films have a nearer one" in shown and "distance 8.250" in shown
    assert "4.500 away in the median and 1.500 at least" in shown and "2.250 and 0.7500 away from" in shown
    assert "61 % and 17 % of the variance" in shown
    assert [path.count("M") for path in re.findall(r'<path d="([^"]*)" class="dots', shown)] == [400, 400]
    few = page_of(tmp_path, films=2)
    assert few.count('alt="Real film phantom-') == 2 and few.count('alt="Synthetic film phantom-') == 6


def test_films_that_are_not_at_hand_leave_their_distances(tmp_path: Path, films: Corpus) -> None:
    write(tmp_path, films)
    shutil.rmtree(tmp_path / "films")
    html = page_of(tmp_path)
    assert "The real films cannot be shown: " in html and "The synthetic films cannot be shown: " in html
    assert html.count("not at hand</div>") == 6 * 2 + 3 + 3 and "distance 1.500; 0 %" in html


def test_a_page_of_many_evaluations_shows_films_of_the_first_ten(tmp_path: Path, films: Corpus) -> None:
    for number in range(12):
        write(tmp_path, films, f"evaluation-{number:02d}")
    html = page_of(tmp_path)
    assert html.count("Which films are near real ones?") == 10 and len(html) < 5_000_000
    assert html.count("<b>Metrics</b>") == 12


def test_damaged_exhibits_are_an_error_that_names_the_file(tmp_path: Path, films: Corpus) -> None:
    write(tmp_path, films)
    for damage in (b"{", b"{}", b'{"roc": {"grid": []}, "films": null}'):
        (tmp_path / "runs/evaluation" / EXHIBITS_PATH).write_bytes(damage)
        with pytest.raises(InputError, match=r"exhibits\.json"):
            page_of(tmp_path)
