"""Models: found by name, told apart by what they hold, refused in one line when they are none."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler
from hypothesis import given
from hypothesis import strategies as st

from cluster.batches import BatchRunner, Slot
from cluster.models import absolute_model, fetch_model, is_diffcxr, load_pipeline, model_digest
from cluster.prompts import PromptTemplate
from cluster.storage import Storage
from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.denoiser.uvit import UViT
from diffcxr.errors import InputError
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.pipeline import DiffCXRPipeline
from tests.cluster.stable_diffusion import write_stable_diffusion
from tests.diffcxr.tiny import tiny_pipeline


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an untrained pipeline of 32-pixel films."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny")
    DiffCXRPipeline(
        FilmAutoencoder(latent_channels=4, width=16, depth=1),
        UViT(
            latent_channels=4, latent_size=4, width=32, depth=2, heads=2, context_tokens=4, context_width=32
        ),
        ReportEncoder(tokens=4, width=32, depth=1, heads=2),
        DPMSolverMultistepScheduler(),
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pipeline that is none of ours."""
    return write_stable_diffusion(tmp_path_factory.mktemp("foreign") / "model")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "model"))


def test_a_folder_of_a_pipeline_is_a_model(tiny: Path) -> None:
    assert fetch_model(str(tiny)) == tiny
    assert is_diffcxr(tiny)
    films = load_pipeline(tiny, "cpu", torch.float32)(
        prompt=["A report."],
        num_inference_steps=2,
        guidance_scale=2.0,
        generator=[torch.Generator().manual_seed(0)],
        output_type="np",
    ).images
    assert films.shape == (1, 32, 32, 1)


@pytest.mark.parametrize("model", ["tiny", "foreign"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_film_is_the_same_beside_other_rows_and_beside_pad_rows(
    model: str, dtype: torch.dtype, request: pytest.FixtureRequest
) -> None:
    """What retries rest on: with its slot kept, a row does not feel which rows the others are."""
    pipeline = load_pipeline(request.getfixturevalue(model), "cpu", dtype)
    batches = BatchRunner(pipeline, steps=2, guidance=2.0, batch_size=4)
    slots = [Slot("A report of some words. " * (1 + 9 * number), number) for number in range(4)]
    together = batches.call(slots)
    for number in range(4):
        alone = batches.call([slot if at == number else None for at, slot in enumerate(slots)])
        assert (alone[number] == together[number]).all()


def test_a_foreign_pipeline_s_film_follows_its_prompt_and_its_seed(foreign: Path) -> None:
    assert fetch_model(str(foreign)) == foreign and not is_diffcxr(foreign)
    batches = BatchRunner(load_pipeline(foreign, "cpu", torch.float32), steps=2, guidance=2.0, batch_size=4)
    here, again, other_prompt, other_seed = batches.call(
        [Slot("A report.", 1), Slot("A report.", 1), Slot("Another.", 1), Slot("A report.", 2)]
    )
    assert here.shape == (16, 16, 3) and 0 <= here.min() < here.max() <= 1
    assert (here == again).all()
    assert np.abs(here - other_prompt).max() > 1e-4 and np.abs(here - other_seed).max() > 1e-2


def test_a_report_longer_than_a_foreign_model_s_window_is_not_logged(
    foreign: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    batches = BatchRunner(load_pipeline(foreign, "cpu", torch.float32), steps=1, guidance=2.0, batch_size=1)
    assert np.isfinite(batches.call([Slot("The lungs are clear. " * 30, 1)])).all()
    said = capfd.readouterr()
    assert "lungs" not in (said.out + said.err).replace(" ", "")


def test_a_digest_is_of_what_decides_the_films(copy: Path) -> None:
    before = model_digest(copy)
    (copy / "README.md").write_text("Some words.")
    (copy / "classifier").mkdir()
    (copy / "classifier" / "config.json").write_text("{}")
    assert model_digest(copy) == before
    weights = next((copy / "denoiser").glob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert model_digest(copy) != before


def test_a_model_behind_a_uri_is_fetched_once(
    tiny: Path, s3_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    storage = Storage.at(s3_uri)
    for file in tiny.rglob("*"):
        if file.is_file():
            storage.create(file.relative_to(tiny).as_posix(), file.read_bytes())
    folder = fetch_model(s3_uri)
    assert model_digest(folder) == model_digest(tiny)
    (folder / "mark").touch()
    assert (fetch_model(s3_uri) / "mark").exists()


def test_a_folder_without_weights_is_refused(copy: Path) -> None:
    for file in copy.rglob("*.safetensors"):
        file.unlink()
    with pytest.raises(InputError, match="model folder has no weights"):
        fetch_model(str(copy))


def test_weights_that_are_pickles_are_not_weights(copy: Path) -> None:
    for file in (copy / "denoiser").glob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))
    with pytest.raises(InputError, match=r"no weights: .*denoiser"):
        fetch_model(str(copy))


def test_weights_that_were_cut_short_are_refused(copy: Path) -> None:
    weights = next((copy / "denoiser").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged"):
        fetch_model(str(copy))


def test_a_configuration_of_another_architecture_is_refused(copy: Path) -> None:
    config = json.loads((copy / "denoiser" / "config.json").read_text())
    (copy / "denoiser" / "config.json").write_text(json.dumps(config | {"depth": 3}))
    with pytest.raises(InputError, match="cannot be loaded"):
        load_pipeline(fetch_model(str(copy)), "cpu", torch.float32)


@pytest.mark.parametrize("place", ["", "nowhere"])
def test_no_model_is_an_input_error(place: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no model"):
        fetch_model(str(tmp_path / place))


def test_a_relative_folder_is_named_so_that_any_process_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute_model("models/mine") == str(tmp_path / "models" / "mine")
    assert [absolute_model(name) for name in ("mini", "null", "s3://b/m")] == ["mini", "null", "s3://b/m"]


@pytest.mark.parametrize(
    "template", ["{text", "{0}", "{}", "{image}", "{text.__class__}", "{text!r}", "{age:>9}", "words"]
)
def test_a_template_names_columns_and_nothing_else(template: str) -> None:
    with pytest.raises(InputError, match="prompt"):
        PromptTemplate(template)


@given(st.text(), st.none() | st.floats(0, 120))
def test_a_prompt_is_the_row_s_own_words(text: str, age: float | None) -> None:
    shown = "" if age is None else f"{age:g}"
    assert (
        PromptTemplate("{{{age}}} {text}").render({"text": text, "age": age}) == f"{{{shown}}} {text}".strip()
    )


def test_a_text_encoder_that_is_not_there_is_missed_when_the_model_is_loaded(tmp_path: Path) -> None:
    pipeline = tiny_pipeline()
    pipeline.report_encoder.register_to_config(text_encoder=str(tmp_path / "gone"))
    pipeline.save_pretrained(tmp_path / "model")
    with pytest.raises(InputError, match="no text encoder here"):
        load_pipeline(tmp_path / "model", "cpu", torch.float32)
