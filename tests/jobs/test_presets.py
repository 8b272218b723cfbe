"""The presets of `diffcxr evaluate`: option values that measure what the papers' protocols name."""

from __future__ import annotations

import re
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest

from cluster.film_slices import REAL, REFERENCE, Selection
from cluster.storage import Storage
from eval.features.biovil_t import BioViLT
from eval.features.xrv import XRVFindings
from eval.ms_ssim import Likeness
from eval.scores import Score, scores_to_json
from jobs.evaluation_config import EXTRACTORS, Config
from jobs.options import GROUPS, options_of
from jobs.overrides import compose_config
from jobs.protocols import PROTOCOLS, SPLITS, Generated, follow_protocol
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


def marked(scores: list[Score], name: str, selections: dict[str, Selection], **told: int) -> list[Score]:
    """Of 40 films, one for each report, where `told` says nothing else."""
    generated = Generated(**{"films": 40, "reports": 40, "prompts": 0, **told})
    return follow_protocol(scores, PROTOCOLS[name], selections, generated)


def row(**values: object) -> Score:
    told = {"metric": "fid", "extractor": "xrv_clean", "value": 1.0, "n_real": 5000, "n_synthetic": 5000}
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
        assert line.reference != REFERENCE or config.reference_split == SPLITS[REFERENCE]
    assert config.real_split == SPLITS[REAL] and config.synthetic_split is None


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
    theirs, ours, few, difference = marked(scores, "roentgen", selections)
    assert theirs.protocol is not None and theirs.protocol.startswith("RoentGen")
    assert theirs.fault is not None and theirs.fault.endswith("read that of xrv")
    assert ours == scores[1] and difference == scores[3]
    assert few.fault is not None and few.fault.endswith("and these are 5,000 real and 40 synthetic ones")


def test_a_fid_of_fewer_real_films_than_the_paper_s_says_so(selections: dict[str, Selection]) -> None:
    (few,) = marked([row(extractor="inception_clean", n_real=900)], "roentgen", selections)
    told = "it takes 5,000 films of either side, and these are 900 real and 5,000 synthetic ones"
    assert few.protocol is not None and few.fault == told


def test_ms_ssim_is_of_as_many_prompts_as_the_paper_s_however_many_films_there_are(
    selections: dict[str, Selection],
) -> None:
    score = row(metric="ms_ssim_valid", extractor=None, n_real=9, n_synthetic=8000)
    (half,) = marked([score], "roentgen", selections, films=8000, reports=1000, prompts=1000)
    told = "it takes 2,000 prompts with 4 films each, and these are 1,000"
    assert half.fault is not None and half.fault.endswith(told)
    (theirs,) = marked([score], "roentgen", selections, films=16000, reports=2000, prompts=2000)
    assert theirs.fault is not None and "it takes" not in theirs.fault


@pytest.mark.parametrize(
    ("name", "extractor"),
    [("diff_cxr", "inception_256"), ("chexgenbench", "inception_299"), ("llm_cxr", "inception")],
)
def test_four_samples_of_a_report_are_told_where_the_paper_takes_one(
    name: str, extractor: str, selections: dict[str, Selection]
) -> None:
    side = REFERENCE if name == "diff_cxr" else REAL
    score = row(extractor=extractor, reference=selections[side].name)
    one, four = (marked([score], name, selections, films=40, reports=n)[0] for n in (40, 10))
    assert "it takes" not in (one.fault or "")
    told = "it takes one film for each report, and these are 40 of 10 reports"
    assert four.protocol is not None and four.fault is not None and four.fault.endswith(told)


def test_films_reports_and_prompts_are_counted_as_they_are_measured(tmp_path: Path) -> None:
    rows = [replace(film, sample_index=index) for film in film_rows(3, seed=2) for index in range(4)]
    synthetic = Selection(write_films(tmp_path, [*rows, *film_rows(2, seed=3)], [5]))
    measured = Likeness(*(np.arange(2, dtype=np.uint64),) * 2, np.ones((2, 2)), np.zeros(2, np.bool_))
    assert Generated.of(synthetic, measured) == Generated(films=14, reports=5, prompts=2)


def test_another_split_than_the_preset_s_is_told(selections: dict[str, Selection]) -> None:
    corpus = selections[REAL].corpus
    typed = {REAL: Selection(corpus), REFERENCE: Selection(corpus, "validate")}
    scores = [
        row(extractor="inception_256", reference=typed[REFERENCE].name),
        row(metric="mauc_paired", extractor="xrv_findings"),
    ]
    faults = [score.fault or "" for score in marked(scores, "diff_cxr", typed)]
    assert faults[0].endswith("its preset takes real films of split train, and these are of validate")
    assert "its distance is from training films" not in faults[0]
    assert faults[1].endswith("its preset takes real films of split test, and these are of all splits")
    assert not any("its preset" in (score.fault or "") for score in marked(scores, "diff_cxr", selections))


def test_without_a_further_reference_no_row_is_taken_for_one_of_it(selections: dict[str, Selection]) -> None:
    score = row(extractor="inception_256", reference=selections[REAL].name)
    assert marked([score], "diff_cxr", {REAL: selections[REAL]}) == [score]


def test_a_distance_from_training_films_is_told_from_that_of_test_films(
    selections: dict[str, Selection],
) -> None:
    scores = [row(extractor="inception_256", reference=selections[side].name) for side in selections]
    ours, theirs = marked(scores, "diff_cxr", selections)
    assert ours == scores[0]
    assert theirs.fault is not None and "read that from test films" in theirs.fault
    means = [
        row(metric=f"mauc_paired{mean}", extractor="xrv_findings") for mean in ("", "_micro", "_weighted")
    ]
    assert all(s.protocol for s in marked(means, "diff_cxr", selections))


def test_the_page_tells_which_paper_a_row_follows_and_what_is_wrong_there(tmp_path: Path) -> None:
    ours = metrics(0.8)[0]
    theirs = replace(ours, protocol="RoentGen, arXiv 2211.12737", fault="films are <stretched>")
    Storage.at(tmp_path / "runs/evaluation").create("metrics.json", scores_to_json([theirs, ours]))
    run(PageConfig(runs=str(tmp_path / "runs"), output=str(tmp_path / "page.html")))
    html = (tmp_path / "page.html").read_text()
    assert html.count("As in RoentGen, arXiv 2211.12737") == 1
    assert "<b>Mind</b>: films are &lt;stretched&gt;." in html
    assert "can stand in a table" in html  # among the words that a reader meets
