import json
from dataclasses import replace

import pytest

from benchmarks import ablation
from benchmarks.ablation import FULL, recipe_of, row_of, seconds_of
from benchmarks.arms import ARMS, BATCH, LANGUAGE_BATCH, cost, operations, steps_of


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name)
def test_every_arm_takes_as_many_operations_as_the_first(arm):
    budget = operations(steps_of(ARMS[0], FULL))
    assert operations(steps_of(arm, FULL)) == pytest.approx(budget, rel=1e-3)


def test_stages_are_in_the_order_in_which_they_build_on_each_other():
    assert list(steps_of(ARMS[-1], FULL)) == ["language", "denoiser", "adapter"]
    assert list(steps_of(ARMS[0], FULL)) == ["denoiser"]


def test_concise_tokens_make_a_step_cheaper_by_more_than_half():
    assert cost("denoiser", concise=True) < cost("denoiser", concise=False) / 2


def test_an_arms_seconds_are_those_of_its_steps_however_often_it_was_begun(tmp_path):
    (tmp_path / "training/denoiser").mkdir(parents=True)
    records = [{"step": 50, "samples_per_second": 100.0}, {"step": 60, "samples_per_second": 32.0}]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (tmp_path / "training/denoiser/log.jsonl").write_text(lines)
    assert seconds_of(tmp_path, "denoiser") == pytest.approx(50 * 32 / 100 + 10)


def test_a_row_that_is_kept_is_not_measured_again_but_one_made_by_less_is(tmp_path, monkeypatch):
    measured = []
    monkeypatch.setattr(ablation, "prepare", lambda *_: None)
    monkeypatch.setattr(
        ablation, "measure", lambda *told: measured.append(told) or {"fid": float(len(measured))}
    )

    def row(scale):
        return row_of(tmp_path / "rows", tmp_path, ARMS[2], 1, scale)

    first = row(FULL)
    assert (first["fid"], first["films"]) == (1.0, FULL.films) and first["commit"]
    assert row(FULL) == first and len(measured) == 1
    assert row(replace(FULL, denoiser_steps=10))["fid"] == 2.0
    monkeypatch.setattr(ablation, "weights_of", lambda part: "of another judge")
    assert row(replace(FULL, denoiser_steps=10))["fid"] == 3.0
    monkeypatch.setattr(ablation, "recipe_of", lambda stage: {"learning_rate": 1.0})
    assert row(replace(FULL, denoiser_steps=10))["fid"] == 4.0
    folders = [folder for _, folder, *_ in measured]
    assert len(set(folders)) == 4, "a recipe's arm begins in a folder of its own"


def test_an_arms_recipe_is_the_nano_profiles():
    recipe = recipe_of("denoiser")
    assert (recipe["width"], recipe["learning_rate"]) == (128, 4e-3) and "steps" not in recipe
    assert (recipe["batch_size"], recipe_of("language")["batch_size"]) == (BATCH, LANGUAGE_BATCH)
