"""The presets of `diffcxr evaluate`: option values that measure what the papers' protocols name."""

from __future__ import annotations

import re
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import pytest

from cluster.film_slices import REAL, REFERENCE, Selection
from cluster.storage import Storage
from eval.features.biovil_t import BioViLT
from eval.features.xrv import XRVFindings
from eval.scores import Score, scores_to_json
from jobs.evaluation_config import EXTRACTORS, Config
from jobs.options import GROUPS, options_of
from jobs.overrides import compose_config
from jobs.protocols import PROTOCOLS, follow_protocol
from jobs.report import Config as PageConfig
from jobs.report import run
from tests.cluster.films import film_rows, write_films
from tests.jobs.page_runs import metrics

DOCS = Path(__file__).parents[2] / "docs" / "presets.md"
# The metrics that are measured by another's name.
ASKED_BY = {"precision": "prdc", "recall": "prdc", "density": "prdc", "coverage": "prdc",
            "ms_ssim_valid": "ms_ssim"}  # fmt: skip


def composed(*overrides: str) -> Config:
    return compose_config("evaluate", Config, ["real=r", "synthetic=s", "output=o", *overrides])


def row(**values: object) -> Score:
    told = {"metric": "fid", "extractor": "xrv_clean", "value": 1.0, "n_real": 9, "n_synthetic": 5000}
    return Score(**{**told, "reference": "films, test", "digest": "d", **values})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def selections(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Selection]:
    corpus = write_films(tmp_path_factory.mktemp("films"), film_rows(8, seed=1))
    return {REAL: Selection(corpus, "test"), REFERENCE: Selection(corpus, "train")}


def test_each_preset_has_a_protocol_and_a_place_in_the_docs() -> None:
    names = {file.stem for file in (GROUPS / "preset").glob("*.yaml")}
    assert names == {"own", *PROTOCOLS}
    text = " ".join(DOCS.read_text(encoding="utf-8").split())
    for name, protocol in PROTOCOLS.items():
        (paper,) = re.findall(r"^[\w-]+, arXiv \d+\.\d+", protocol.source)
        assert f"`{name}` | {paper}" in text


def test_without_a_preset_the_options_are_their_own_defaults() -> None:
    assert composed() == composed("preset=own")
    assert composed().extractors == ["efficientnet_lite0"] and composed().real_split is None


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_preset_s_values_are_allowed_and_measure_every_line_of_its_protocol(name: str) -> None:
    config = composed(f"preset={name}")
    assert config.preset == name
    for option in options_of(Config):
        option.check(attrgetter(option.key)(config))
    for line in PROTOCOLS[name].lines:
        assert ASKED_BY.get(line.metric, line.metric) in config.metrics
        if line.extractor == XRVFindings.name:
            assert config.classifier == "xrv"
        elif line.extractor == BioViLT.name:
            assert config.matcher != "mini"
        elif line.extractor is not None:
            assert line.extractor in config.extractors and line.extractor in EXTRACTORS
        assert line.reference != REFERENCE or config.reference_split is not None


@pytest.mark.parametrize("name", PROTOCOLS)
def test_what_a_fault_tells_to_read_instead_is_measured_beside_it(name: str) -> None:
    config = composed(f"preset={name}")
    instead = [line.fault.rpartition("read ")[2] for line in PROTOCOLS[name].lines if line.fault]
    for told in instead:
        read = told.removeprefix("that of ")
        if read.startswith("mauc_label"):
            assert "mauc" in config.metrics
        elif told.startswith("that of "):
            assert read in config.extractors


def test_what_a_person_types_wins_over_a_preset() -> None:
    config = composed("preset=chexgenbench", "real_split=held_out", "extractors=[rad_dino_299]")
    assert (config.real_split, config.extractors) == ("held_out", ["rad_dino_299"])
    assert config.matcher == composed("preset=chexgenbench").matcher


def test_rows_of_the_paper_are_marked_and_ours_are_not(selections: dict[str, Selection]) -> None:
    scores = [row(), row(extractor="xrv"), row(n_synthetic=40), row(against="other", p_value=0.5)]
    theirs, ours, few, difference = follow_protocol(scores, PROTOCOLS["roentgen"], selections)
    assert theirs.protocol is not None and theirs.protocol.startswith("RoentGen")
    assert theirs.fault is not None and theirs.fault.endswith("read that of xrv")
    assert ours == scores[1] and difference == scores[3]
    assert few.fault is not None and few.fault.endswith("takes 5,000 films, and these are 40")


def test_a_distance_from_training_films_is_told_from_that_of_test_films(
    selections: dict[str, Selection],
) -> None:
    scores = [row(extractor="inception_256", reference=selections[side].name) for side in selections]
    ours, theirs = follow_protocol(scores, PROTOCOLS["diff_cxr"], selections)
    assert ours == scores[0]
    assert theirs.fault is not None and "read that from test films" in theirs.fault
    means = [
        row(metric=f"mauc_paired{mean}", extractor="xrv_findings") for mean in ("", "_micro", "_weighted")
    ]
    assert all(s.protocol for s in follow_protocol(means, PROTOCOLS["diff_cxr"], selections))


def test_the_page_tells_which_paper_a_row_follows_and_what_is_wrong_there(tmp_path: Path) -> None:
    ours = metrics(0.8)[0]
    theirs = replace(ours, protocol="RoentGen, arXiv 2211.12737", fault="films are <stretched>")
    Storage.at(tmp_path / "runs/evaluation").create("metrics.json", scores_to_json([theirs, ours]))
    run(PageConfig(runs=str(tmp_path / "runs"), output=str(tmp_path / "page.html")))
    html = (tmp_path / "page.html").read_text()
    assert html.count("As in RoentGen, arXiv 2211.12737") == 1
    assert "<b>Mind</b>: films are &lt;stretched&gt;." in html
    assert "can stand in a table" in html  # among the words that a reader meets
