import re
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.storage import Storage
from eval.scores import Score, scores_to_json
from jobs.page.extrapolation import view_line
from jobs.page.measures import read_scores
from jobs.report import Config, run
from tests.jobs.page_runs import metrics

POINTS = ((2500.0, 14.0), (5000.0, 12.0), (7500.0, 34 / 3), (10000.0, 11.0))  # on the line 10 + 10,000 / n


def extrapolated(value: float = 10.0) -> Score:
    return replace(
        metrics(0.8)[0], metric="fid_infinity", value=value, low=9.0, high=11.0, floor=None, points=POINTS
    )


def test_the_page_draws_the_line_and_tells_each_of_its_points(tmp_path: Path) -> None:
    Storage.at(tmp_path / "runs/evaluation").create("metrics.json", scores_to_json([extrapolated()]))
    run(Config(runs=str(tmp_path / "runs"), output=str(tmp_path / "page.html")))
    html = (tmp_path / "page.html").read_text()
    assert "FID∞: what FID would be with films without end" in html
    for n, fid in (("2,500", "14.00"), ("5,000", "12.00"), ("7,500", "11.33"), ("10,000", "11.00")):
        assert f'<th scope="row">{n}</th><td class="num">{fid}</td>' in html
    assert '<th scope="row">∞</th>' in html and "9.000 to 11.00" in html
    assert len(re.findall(r'<use href="#m-real" x="[0-9.]+%" y="[0-9.]+%"/>', html)) == 4


def test_points_on_a_line_are_drawn_on_it() -> None:
    (score,) = read_scores(
        [{"metric": "fid_infinity", "value": 10.0, "points": [list(p) for p in POINTS]}], "here"
    )
    view = view_line(score)
    start, stop = (float(end.rstrip("%")) for end in (view.start, view.stop))
    for left, top in view.points:
        x, y = float(left.rstrip("%")) / 100, float(top.rstrip("%"))
        assert y == pytest.approx(start + x * (stop - start), abs=0.02)
    assert [left for left, _ in view.points] == ["100.00%", "50.00%", "33.33%", "25.00%"]
    assert [text for _, text, _ in view.films] == ["∞", "10,000", "5,000", "2,500"]  # 7,500 is too near
    assert (view.low, view.high) == (None, None)


def test_distances_of_findings_stand_in_a_table_of_their_own(tmp_path: Path) -> None:
    fid = replace(metrics(0.8)[0], metric="fid_finding", n_floor=60, value_at_floor=13.5)
    scores = [
        replace(fid, subset="Edema", value=17.25),
        replace(fid, subset="Fracture", value=None, note="few"),
    ]
    Storage.at(tmp_path / "runs/evaluation").create("metrics.json", scores_to_json(scores))
    run(Config(runs=str(tmp_path / "runs"), output=str(tmp_path / "page.html")))
    html = (tmp_path / "page.html").read_text()
    assert "Is each finding drawn as it looks?" in html and "17.25" in html and "13.50 at 60 films" in html
    assert "Fracture" not in html and 'class="chance"' not in html  # 0.5 is no chance of a distance
