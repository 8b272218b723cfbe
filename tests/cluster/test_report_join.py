"""Films of others and the reports from which they were made."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from cluster.report_join import Reports
from diffcxr.sources.row import Reject, Row
from tests.cluster.films import write_films
from tests.cluster.rows import rows


def test_a_film_says_what_its_report_s_row_says_and_keeps_its_own_bytes(uri: str) -> None:
    corpus = write_films(uri, rows(7), [3])
    films: list[Row | Reject] = [
        Row(report_id="study-00005", sample_index=2, text="a prompt", image=b"film", image_path="a.png"),
        Reject(report_id="b", reason="unreadable image"),
        Row(report_id="study-00001", text="", image=b"other", seed=7),
        Row(report_id="study-00009", sample_index=1, text="", image=b"stray"),
    ]
    fifth, rejected, first, stray = Reports.of(corpus).join(films)
    reports = rows(7)
    assert fifth == dataclasses.replace(reports[5], sample_index=2, image=b"film", image_path="a.png")
    assert rejected == films[1]
    assert first == dataclasses.replace(reports[1], image=b"other", seed=7)
    assert stray == Reject(report_id="study-00009", sample_index=1, reason="not in source.reports")


def test_a_report_of_several_films_is_told_once_by_its_first(tmp_path: Path) -> None:
    twice = [dataclasses.replace(row, report_id="s", sample_index=n) for n, row in enumerate(rows(4))]
    corpus = write_films(tmp_path, twice, [2])
    reports = Reports.of(corpus)
    assert reports.table.num_rows == 1
    (film,) = reports.join([Row(report_id="s", sample_index=3, text="", image=b"film")])
    assert isinstance(film, Row) and film.text == twice[0].text and film.sample_index == 3


def test_a_number_is_the_study_that_mimic_cxr_writes_with_an_s(tmp_path: Path) -> None:
    named = [dataclasses.replace(row, report_id=f"s5041426{n}") for n, row in enumerate(rows(2))]
    films = [Row(report_id=name, text="", image=b"film") for name in ("50414261", "s50414260", "50414269")]
    first, second, stray = Reports.of(write_films(tmp_path, named)).join(films)
    assert (first.report_id, second.report_id) == ("s50414261", "s50414260")
    assert isinstance(stray, Reject)
