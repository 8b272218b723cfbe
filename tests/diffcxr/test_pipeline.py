from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diffcxr.denoiser.control import ControlAdapter
from diffcxr.denoiser.hint import make_hint
from diffcxr.pipeline import DiffCXRPipeline
from diffcxr.reports.labeler import label_report
from tests.diffcxr.tiny import tiny_pipeline

REPORTS = ["The heart is large.", "No effusion. The lungs are clear and well aerated.", "Left apical nodule."]


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def films(pipeline: DiffCXRPipeline, reports: str | list[str], *seeds: int, **options: Any) -> np.ndarray:
    return pipeline(reports, num_inference_steps=4, generator=generators(*seeds), **options).images


def test_films_are_grey_and_in_the_unit_interval() -> None:
    made = films(tiny_pipeline(), REPORTS, 1, 2, 3)
    assert made.shape == (3, 32, 32, 1) and made.dtype == np.float32
    assert made.min() >= 0 and made.max() <= 1 and made.std() > 0


@pytest.mark.parametrize("adapter", [False, True])
def test_a_saved_and_loaded_pipeline_makes_the_same_pixels(tmp_path: Path, adapter: bool) -> None:
    pipeline = tiny_pipeline(adapter=adapter)
    pipeline.save_pretrained(tmp_path)
    assert not list(tmp_path.rglob("*.bin")) and list(tmp_path.rglob("*.safetensors"))
    loaded = DiffCXRPipeline.from_pretrained(tmp_path, low_cpu_mem_usage=False)
    loaded.set_progress_bar_config(disable=True)
    np.testing.assert_array_equal(films(pipeline, REPORTS, 1, 2, 3), films(loaded, REPORTS, 1, 2, 3))


def test_a_film_belongs_to_its_seed_and_report_not_to_its_neighbours() -> None:
    pipeline = tiny_pipeline()
    here = films(pipeline, REPORTS, 1, 2, 3)
    there = films(pipeline, ["Another report.", REPORTS[1], "A third one."], 7, 2, 9)
    np.testing.assert_array_equal(here[1], there[1])


def test_another_seed_or_report_gives_another_film() -> None:
    pipeline = tiny_pipeline()
    (film,) = films(pipeline, REPORTS[:1], 1)
    assert np.abs(film - films(pipeline, REPORTS[:1], 2)[0]).max() > 1e-3
    assert np.abs(film - films(pipeline, REPORTS[1:2], 1)[0]).max() > 1e-5


def test_guidance_moves_the_film_away_from_no_report() -> None:
    pipeline = tiny_pipeline()
    plain, guided = (films(pipeline, REPORTS[:1], 1, guidance_scale=w) for w in (1.0, 4.0))
    assert np.abs(plain - guided).max() > 1e-5


def test_guidance_is_unconditional_plus_scaled_difference() -> None:
    pipeline = tiny_pipeline()
    latents, time = torch.randn(2, 4, 4, 4), torch.tensor(500)
    context = pipeline.report_encoder.encode(REPORTS[:2]).tokens
    with torch.inference_mode():
        conditional = pipeline.predict(latents, time, context, 1.0)
        null = pipeline.denoiser.null_context.expand_as(context)
        unconditional = pipeline.predict(latents, time, null, 1.0)
        guided = pipeline.predict(latents, time, context, 3.0)
    torch.testing.assert_close(guided, unconditional + 3 * (conditional - unconditional))


def test_hints_are_by_default_what_the_reports_say_and_they_steer() -> None:
    pipeline = tiny_pipeline(adapter=True)
    own = [make_hint(label_report(report)) for report in REPORTS]
    made = films(pipeline, REPORTS, 1, 2, 3)
    np.testing.assert_array_equal(made, films(pipeline, REPORTS, 1, 2, 3, hint=own))
    one = films(pipeline, REPORTS[0], 1, hint=own[0])  # as diffusers takes a prompt that is one text
    np.testing.assert_array_equal(one, films(pipeline, REPORTS[:1], 1))
    turned = films(pipeline, REPORTS, 1, 2, 3, hint=[own[1], own[1], None])
    assert np.abs(made[0] - turned[0]).max() > 1e-5 and np.abs(made[2] - turned[2]).max() > 1e-5
    np.testing.assert_array_equal(made[1], turned[1])


def test_a_hint_needs_an_adapter() -> None:
    with pytest.raises(ValueError, match="this model has none"):
        films(tiny_pipeline(), REPORTS[:1], 1, hint=["There is no edema."])


@pytest.mark.parametrize("kept", [0, 2, 4096])
def test_a_text_that_is_kept_is_not_encoded_again_and_changes_no_pixel(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diffcxr.pipeline._TEXTS_KEPT", kept)
    pipeline, encoded = tiny_pipeline(), []
    encode = pipeline.report_encoder.encode

    def counted(texts: list[str]) -> Any:
        encoded.extend(texts)
        return encode(texts)

    monkeypatch.setattr(pipeline.report_encoder, "encode", counted)
    first, second, third = REPORTS
    made = films(pipeline, [first, second, first, third, second], 1, 2, 3, 4, 5)
    assert (
        encoded
        == {
            0: [first, second, first, third, second],
            2: [first, second, third, second],  # the third took the place of the second
            4096: [first, second, third],
        }[kept]
    )
    again = films(tiny_pipeline(), [first, second, first, third, second], 1, 2, 3, 4, 5)
    np.testing.assert_array_equal(made, again)


def test_texts_are_encoded_anew_where_the_encoder_was_moved() -> None:
    pipeline = tiny_pipeline()
    films(pipeline, ["A nodule."], 1)
    assert pipeline._tokens("A nodule.").dtype == torch.float32
    pipeline.report_encoder.to(torch.float64)
    assert pipeline._tokens("A nodule.").dtype == torch.float64


def test_an_untrained_adapter_changes_no_pixel() -> None:
    plain, steered = tiny_pipeline(), tiny_pipeline()
    steered.register_modules(adapter=ControlAdapter.attach(steered.denoiser))
    np.testing.assert_array_equal(films(plain, REPORTS, 1, 2, 3), films(steered, REPORTS, 1, 2, 3))


def test_each_report_needs_its_own_generator() -> None:
    with pytest.raises(ValueError, match="2 generators for 3 reports"):
        films(tiny_pipeline(), REPORTS, 1, 2)
