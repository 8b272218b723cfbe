import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cluster.evaluation import Totals
from cluster.evidence import Evidence
from cluster.film_slices import REAL, REFERENCE, RIVAL, SYNTHETIC, VALIDATION, Selection, take_census
from cluster.measurer import Instruments
from cluster.rival_scoring import difference_scores
from cluster.rivalry import Rivalry
from cluster.scoring import classifier_scores, feature_scores, film_scores
from cluster.varieties import Varieties
from eval.auc import ScoredFilms
from eval.feature_rows import FeatureRows
from eval.features.finding_scores import FindingScores
from eval.fid import Side, update_side
from eval.floors import plan_floor
from eval.ms_ssim import Likeness
from eval.scores import Score
from tests.cluster.films import film_rows, write_classifier, write_films
from tests.cluster.test_varieties import Named

METRICS = [
    "fid",
    "fid_infinity",
    "kid",
    "prdc",
    "vendi",
    "inception_score",
    "mauc",
    "mauc_paired",
    "f1",
    "calibration",
    "ms_ssim",
]
FINDINGS = ("Edema", "Fracture", "Pneumonia")


class World:
    """Real films, two models' films of their reports, and what is measured on them, drawn."""

    def __init__(self, folder: Path, films: int, metrics: list[str] = METRICS) -> None:
        self.metrics = metrics
        real = film_rows(120, seed=1)
        made = [dataclasses.replace(row, split="train") for row in real[:films]]
        corpora = {REAL: real, SYNTHETIC: made, RIVAL: made[: films * 3 // 4], VALIDATION: film_rows(80, 2)}
        self.selections = {
            side: Selection(write_films(folder / side, rows)) for side, rows in corpora.items()
        }
        classifier = FindingScores.from_folder(write_classifier(folder / "classifier", FINDINGS))
        extractor = Named()
        self.totals = Totals(Instruments((extractor,), classifier, rows=True))
        self.censuses = {side: take_census(selection) for side, selection in self.selections.items()}
        keys = {side: np.concatenate(census.keys) for side, census in self.censuses.items()}
        self.plan = plan_floor(np.concatenate(self.censuses[REAL].patients), keys[REAL], keys[SYNTHETIC])
        self.varieties = Varieties.of(
            [extractor], self.plan, "vendi" in metrics, "inception_score" in metrics
        )
        self.rivalry = Rivalry.between(self.selections, self.censuses, [extractor], metrics)
        shifts = {REAL: 0.0, SYNTHETIC: 0.3, RIVAL: 1.5, VALIDATION: 0.0}
        for number, (side, selection) in enumerate(self.selections.items()):
            self._add(side, shifts[side], np.random.default_rng(number), selection)

    def _add(self, side: str, shift: float, rng: np.random.Generator, selection: Selection) -> None:
        (patients,), (keys,) = self.censuses[side].patients, self.censuses[side].keys
        n = len(keys)
        rows = FeatureRows((rng.normal(size=(n, 5)) + shift).astype(np.float32), patients, keys)
        truth = (np.stack([keys >> np.uint64(bit) for bit in (3, 5, 7)], axis=1) % 2).astype(np.int8)
        scores = ((3 if side != RIVAL else 0.5) * truth + rng.normal(size=(n, 3))).astype(np.float32)
        none, prompts = np.full(n, -1), np.arange(n, dtype=np.uint64)
        likeness = Likeness(prompts, patients, 0.5 + 0.1 * rng.random((n, 2)), np.zeros(n, np.bool_))
        sides = {"named": update_side(Side.empty(5), rows.features, rows.groups, none)}
        evidence = Evidence(
            sides if side in (REAL, SYNTHETIC) else {},
            (ScoredFilms(scores, truth, patients, keys),),
            {"named": (rows,)} if side != VALIDATION else {},
            likeness,
            films=n,
        )
        self.varieties.add(side, evidence.rows)
        self.rivalry.add(side, evidence.rows)
        self.totals.add(side, evidence)

    def alone(self) -> list[Score]:
        classifier = self.totals.instruments.classifier
        assert classifier is not None
        (extractor,) = self.totals.instruments.extractors
        arguments = self.metrics, self.selections, self.totals
        return [
            *feature_scores(*arguments, self.varieties, extractor, lambda _, values: values),
            *classifier_scores(*arguments, classifier),
            *film_scores(self.selections, self.totals),
        ]

    def differences(self) -> list[Score]:
        arguments = self.metrics, self.selections, self.totals, self.rivalry, None
        return difference_scores(*arguments, self.alone(), lambda _, values: values)


def test_every_row_of_a_corpus_has_one_that_compares_it_with_its_rival(tmp_path: Path) -> None:
    world = World(tmp_path, 80)
    alone, found = world.alone(), world.differences()
    assert [(f"{s.metric}_difference", s.extractor, s.subset) for s in alone] == [
        (s.metric, s.extractor, s.subset) for s in found
    ]
    for before, score in zip(alone, found, strict=True):
        assert (score.digest, score.reference, score.n_real) == (
            before.digest,
            before.reference,
            before.n_real,
        )
        assert score.value is not None and score.rival_value is not None, score.metric
        assert score.low is not None and score.high is not None, score.metric
        assert score.low <= score.value <= score.high
        assert score.p_value is not None and 0 <= score.p_value <= 1 and score.note
        assert (score.floor, score.ceiling, score.n_floor, score.value_at_floor) == (None,) * 4
        films = (80, 60) if score.metric.startswith("ms_ssim") else (60, 60)
        assert (score.n_synthetic, score.n_rival) == films
        assert score.findings == before.findings
        assert (
            score.against == f"films, {world.selections[RIVAL].corpus.digest[:10]}"
        )  # both are called films
    by_metric = {score.metric: score for score in found if score.subset == "all"}
    for metric in ("fid", "fid_infinity", "kid"):
        value, p = by_metric[f"{metric}_difference"].value, by_metric[f"{metric}_difference"].p_value
        assert value is not None and value < 0 and p is not None and p < 0.001
    for metric in ("mauc_label", "f1_label"):
        value, p = by_metric[f"{metric}_difference"].value, by_metric[f"{metric}_difference"].p_value
        assert value is not None and value > 0 and p is not None and p < 0.01
    assert "DeLong" in (by_metric["mauc_label_micro_difference"].note or "")


def test_the_rival_s_own_value_is_what_a_run_of_its_own_gives_it(tmp_path: Path) -> None:
    world = World(tmp_path, 80)
    rival = copy.copy(world)
    found = {(s.metric, s.subset): s for s in world.differences()}
    rival.totals = Totals(rival.totals.instruments)
    for side, of in ((REAL, REAL), (SYNTHETIC, RIVAL), (VALIDATION, VALIDATION)):
        evidence = world.totals[of]
        if side == SYNTHETIC:
            (rows,) = evidence.rows["named"]
            state = update_side(Side.empty(5), rows.features, rows.groups, np.full(rows.count, -1))
            evidence = dataclasses.replace(evidence, sides={"named": state})
        rival.totals.add(side, evidence)
    rival.metrics = ["fid", "kid", "prdc", "mauc", "f1", "calibration"]
    rival.varieties = Varieties.of([], rival.plan, False, False)
    for score in rival.alone():
        assert found[f"{score.metric}_difference", score.subset].rival_value == pytest.approx(
            score.value, rel=1e-9
        )


def test_too_few_films_have_rows_without_a_value(tmp_path: Path) -> None:
    world = World(tmp_path, 4, ["fid", "prdc", "mauc", "calibration"])
    found = {score.metric: score for score in world.differences() if score.subset == "all"}
    assert found["fid_difference"].value is not None and found["fid_difference"].n_rival == 3
    for metric in ("precision", "mauc_label", "mauc_label_micro", "ece_label"):
        score = found[f"{metric}_difference"]
        assert (score.value, score.low, score.p_value, score.rival_value) == (None,) * 4
        assert (score.n_synthetic, score.n_rival) == (3, 3)


def test_models_are_not_compared_by_their_distances_from_a_further_reference(tmp_path: Path) -> None:
    world = World(tmp_path, 60, metrics=["fid"])
    world.selections[REFERENCE] = Selection(world.selections[REAL].corpus, "train")
    (fid,) = (score for score in world.alone() if score.metric == "fid")
    further = dataclasses.replace(fid, reference=world.selections[REFERENCE].name)
    arguments = world.metrics, world.selections, world.totals, world.rivalry, None
    (found,) = difference_scores(*arguments, [fid, further], lambda _, values: values)
    assert found.reference == fid.reference != further.reference
