import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cluster.storage import Storage
from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14, Labels
from diffcxr.sources.row import Row
from eval.prdc import NAMES
from eval.retrieval import AT
from jobs.command import main
from jobs.page.axis import auc_axis, axis_over
from jobs.page.films import film
from jobs.page.gallery import choose
from jobs.page.glossary import terms
from jobs.page.measures import Score, number, of_findings, read_scores
from jobs.page.render import hyphenated
from jobs.page.sweeps import Sweep, view_sweep
from jobs.report import Config, run
from tests.jobs.page_runs import write_runs


def page_of(tmp_path: Path, runs: str, **options: object) -> str:
    run(Config(runs=runs, output=str(tmp_path / "page.html"), **options))  # type: ignore[arg-type]
    return (tmp_path / "page.html").read_text()


def test_the_page_shows_all_that_was_made_and_measured(uri: str, tmp_path: Path) -> None:
    write_runs(uri)
    html = page_of(tmp_path, uri, films=5)
    assert html.count('<li class="pair">') == 5 and html.count('alt="Synthetic film of report') == 5
    assert html.count('alt="Phantom film of report') == 5
    assert "Embedded phantom world, not MIMIC-CXR." in html
    assert "The heart is enlarged." in html and "Cardiomegaly</li>" in html
    for value in ("12.50", "11.00 to 14.00", "3.250", "0.800", "0.750 to 0.850", "0.510", "0.980"):
        assert value in html
    assert all(finding in html.replace("\u00ad", "") for finding in CHEXPERT_14)
    assert "too few films" in html and "mean of 13 findings" in html
    assert re.findall(r'data-arm="(\w+)"', html) == ["real", "synthetic", "both"]
    assert "guidance=1.0" in html and "guidance=2.0" in html
    assert "Edema, uncertain" in html


def test_a_page_is_the_same_bytes_for_the_same_runs_wherever_it_is_put(uri: str, tmp_path: Path) -> None:
    write_runs(uri)
    place = Storage.at(uri).child("pages")
    run(Config(runs=uri, output=place.uri))
    run(Config(runs=uri, output=f"{place.uri}/named.html"))
    assert place.read("index.html") == place.read("named.html")


def test_a_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    write_runs(str(tmp_path / "runs"), markup='<script>alert(1)</script><img src="http://evil.test/x">')
    html = page_of(tmp_path, str(tmp_path / "runs"))
    assert "<script" not in html and "&lt;script&gt;" in html
    tags = re.findall(r'<[^>]*\s(?:src|href)="([^"]*)"', html)
    assert tags and all(target.startswith(("data:", "#")) for target in tags)
    assert "default-src 'none'" in html and "url(" not in html and "@import" not in html


def test_texts_are_withheld_on_request(tmp_path: Path) -> None:
    write_runs(str(tmp_path / "runs"))
    html = page_of(tmp_path, str(tmp_path / "runs"), texts=False)
    assert "The heart is" not in html and "text is withheld" in html and "Cardiomegaly</li>" in html


def test_what_is_there_makes_a_page_and_what_is_not_leaves_no_empty_section(tmp_path: Path) -> None:
    write_runs(str(tmp_path / "all"), finished=False)
    (tmp_path / "some").mkdir()
    (tmp_path / "all" / "generated").rename(tmp_path / "some" / "generated")
    html = page_of(tmp_path, str(tmp_path / "some"))
    assert "not finished, 1 shards so far" in html
    assert not re.search(r'<section id="(films|metrics|downstream|sweep)"', html)
    (tmp_path / "all" / "evaluation").rename(tmp_path / "alone")
    html = page_of(tmp_path, str(tmp_path / "alone"))
    assert 'id="metrics"' in html and 'id="runs"' not in html


def test_nothing_to_show_is_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", f"runs={tmp_path}", f"output={tmp_path}/page.html"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("diffcxr report: no runs here") and message.count("\n") == 1
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("damage", ["{", "{}", '[{"value": 1}]', '[{"metric": "fid", "value": "high"}]'])
def test_damaged_scores_are_an_error_that_names_the_file(tmp_path: Path, damage: str) -> None:
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "metrics.json").write_text(damage)
    with pytest.raises(InputError, match=r"metrics\.json"):
        page_of(tmp_path, str(tmp_path))


def test_heavy_films_are_shrunk_and_broken_ones_left_out() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1024, 900), np.uint8)
    heavy, light = io.BytesIO(), io.BytesIO()
    Image.fromarray(noise).save(heavy, "PNG")
    Image.fromarray(noise[:64, :64]).save(light, "PNG")
    small = film(heavy.getvalue(), "a film")
    assert small is not None and (small.width, small.height) == (337, 384)
    assert len(small.source) < 120_000 < len(heavy.getvalue())
    kept = film(light.getvalue(), "a film")
    assert kept is not None and kept.source.startswith("data:image/png") and kept.width == 64
    webp = io.BytesIO()
    Image.new("L", (8, 8)).save(webp, "WEBP")
    of_others = film(webp.getvalue(), "a film")
    assert of_others is not None and of_others.source.startswith("data:image/webp")
    assert film(light.getvalue()[:100], "cut") is None and film(b"GIF89a", "another") is None


def test_films_are_chosen_by_finding_in_corpus_order() -> None:
    def row(index: int, *present: str) -> Row:
        labels: Labels = {name: int(name in present) for name in CHEXPERT_14}
        return Row(report_id=str(index), text="", labels=labels)

    rows = [row(0, "Edema"), row(1, "Edema"), row(2), row(3, "Fracture", "Edema"), row(4, "Edema")]
    assert [r.report_id for r in choose(iter(rows), 3)] == ["0", "1", "3"]
    assert [r.report_id for r in choose(iter(rows), 9)] == ["0", "1", "2", "3", "4"]


def test_axes_have_round_ends_around_what_they_hold() -> None:
    axis = axis_over([14.2, 61.3, None, float("nan")], include=(0.0,))
    assert (axis.low, axis.high, axis.at(35), axis.at(1000)) == (0, 80, "43.75%", "100.00%")
    assert (auc_axis([0.93]).low, auc_axis([0.43]).low, auc_axis([]).high) == (0.5, 0.4, 1.0)
    assert axis_over([]).ticks and axis_over([3.0]).at(3.0) == "50.00%"


def test_a_score_is_named_with_what_it_was_taken_over() -> None:
    def titles(*subsets: str) -> list[str]:
        rows = [{"metric": "mauc_label", "value": 0.8, "subset": subset} for subset in subsets]
        return [score.title for score in read_scores(rows, "here")]

    assert titles("all", "diffcxr_11", "lateral") == [
        "Label mAUC",
        "Label mAUC (Diff‑CXR's eleven)",
        "Label mAUC (lateral)",
    ]


def test_findings_break_where_a_reader_would() -> None:
    assert hyphenated("Enlarged Cardiomediastinum") == "Enlarged Cardio\u00admediastinum"
    assert hyphenated("Pneumonia") == "Pneumonia"
    assert all(hyphenated(finding).replace("\u00ad", "") == finding for finding in CHEXPERT_14)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0.000"),
        (12.3456, "12.35"),
        (0.98765, "0.9877"),
        (12345.6, "12,346"),
        (2e-7, "2.00e-07"),
    ],
)
def test_numbers_are_printed_to_four_digits(value: float | None, text: str) -> None:
    assert number(value) == text


def test_the_best_of_a_sweep_is_marked_by_which_way_is_better() -> None:
    def scores(fid: float, auc: float) -> tuple[Score, ...]:
        return read_scores([{"metric": "fid", "value": fid}, {"metric": "mauc_label", "value": auc}], "here")

    results = tuple(
        {"point": f"p{n}", "steps": [{"output": f"points/{n}/e", "summary": {"images": 9}}]} for n in (0, 1)
    )
    view = view_sweep(Sweep("s", results), {"s/points/0/e": scores(9, 0.9), "s/points/1/e": scores(5, 0.9)})
    assert view.columns == ("Films", "FID", "Label mAUC")
    assert [[cell.best for cell in point.cells] for point in view.points] == [
        [False, False, False],
        [False, True, False],
    ]


def test_every_metric_of_evaluate_has_a_name_and_a_meaning() -> None:
    means = [f"mauc_{truth}{mean}" for truth in ("label", "paired") for mean in ("", "_micro", "_weighted")]
    of_evaluate = [
        "fid",
        "fid_infinity",
        "fid_finding",
        "kid",
        *NAMES,
        "vendi",
        "inception_score",
        "ms_ssim",
        *means,
    ]
    of_evaluate += [f"f1_{truth}{mean}" for truth in ("label", "paired") for mean in ("", "_micro")]
    of_evaluate += ["ece_label", "brier_label", "alignment", *(f"retrieval_r{at}" for at in AT)]
    scores = read_scores([{"metric": name, "value": 0.5, "floor": 0.1} for name in of_evaluate], "here")
    told = dict(terms(scores))
    assert len({score.title for score in scores}) == len(of_evaluate)
    assert all(score.title in told and score.measure.better for score in scores)


def test_paired_aucs_of_findings_do_not_stand_twice_beside_label_aucs() -> None:
    rows = [{"metric": m, "value": 0.5, "subset": "Edema"} for m in ("mauc_label", "mauc_paired")]
    both, paired = read_scores(rows, "here"), read_scores(rows[1:], "here")
    assert [score.metric for score in of_findings(both)] == ["mauc_label"]
    assert [score.metric for score in of_findings(paired)] == ["mauc_paired"]
