import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, Dinov2Config, Dinov2Model

from diffcxr.errors import InputError
from eval.features.backbone import Backbone
from eval.features.extractor import extract
from tests.weights_of_others import write_image_backbone, write_text_encoder

# RAD-DINO's own, at 28 pixels rather than 518.
PREPROCESSING = {
    "do_resize": True,
    "size": {"shortest_edge": 28},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 28, "width": 28},
    "do_convert_rgb": True,
    "do_rescale": True,
    "rescale_factor": 0.00392156862745098,
    "do_normalize": True,
    "image_mean": [0.5307, 0.5307, 0.5307],
    "image_std": [0.2583, 0.2583, 0.2583],
    "image_processor_type": "BitImageProcessor",
}


def write_dinov2(folder: Path, **preprocessing: object) -> Path:
    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14
    )
    Dinov2Model(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSING | preprocessing))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dinov2(tmp_path_factory.mktemp("dinov2"))


def films(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    waves = [127 + 60 * np.sin(x / 3 + k) + 60 * np.cos(y / (2 + k)) for k in range(3)]
    return np.array(waves).astype(np.uint8)


@pytest.mark.parametrize("shape", [(28, 28), (20, 24), (64, 64), (61, 90), (90, 61)])
def test_films_are_prepared_as_the_image_processor_of_transformers_does(
    folder: Path, shape: tuple[int, int]
) -> None:
    ours = Backbone.rad_dino(str(folder)).preprocessing(films(*shape), "cpu")
    images = [Image.fromarray(film).convert("RGB") for film in films(*shape)]
    theirs = AutoImageProcessor.from_pretrained(folder)(images, return_tensors="pt")["pixel_values"]
    assert ours.shape == theirs.shape == (3, 3, 28, 28)
    grey = (ours - theirs).abs() * 0.2583 * 255
    assert grey.max() < 1.01 and grey.mean() < 0.02  # its 8-bit kernel rounds a half otherwise


def test_features_are_the_class_token_of_the_pretrained_network(folder: Path) -> None:
    extractor = pickle.loads(pickle.dumps(Backbone.rad_dino(str(folder))))
    extractor.setup("cpu")
    features = extract(extractor, list(films(40, 40)))
    assert features.shape == (3, extractor.dimension) == (3, 24)
    model = AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        expected = model(extractor.preprocessing(films(40, 40), "cpu")).pooler_output
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)
    assert np.linalg.norm(features[0] - features[1]) > 0.01


def test_the_digest_is_of_name_weights_and_preprocessing(folder: Path, tmp_path: Path) -> None:
    same = write_dinov2(tmp_path / "same")
    sharper = write_dinov2(tmp_path / "sharper", image_std=[0.2, 0.2, 0.2])
    one, again, other, name = (
        made(str(at)).digest
        for made, at in (
            (Backbone.rad_dino, folder),
            (Backbone.rad_dino, same),
            (Backbone.rad_dino, sharper),
            (Backbone.from_folder, folder),
        )
    )
    assert one == again
    assert len({one, other, name}) == 3


@pytest.mark.parametrize(
    "preprocessing",
    [
        {"resample": 1},
        {"do_normalize": False},
        {"do_center_crop": False},
        {"crop_size": {"height": 30, "width": 30}},
        {"crop_size": {"height": 20, "width": 24}},
        {"image_mean": [0.5], "image_std": [0.5]},
    ],
)
def test_a_preprocessing_that_is_not_known_is_refused(
    folder: Path, tmp_path: Path, preprocessing: dict[str, object]
) -> None:
    write_dinov2(tmp_path, **preprocessing)
    with pytest.raises(InputError, match="rad_dino cannot be loaded"):
        Backbone.rad_dino(str(tmp_path))


def test_missing_weights_are_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    write_text_encoder(tmp_path / "bert")
    write_dinov2(tmp_path / "no_weights").joinpath("model.safetensors").unlink()
    write_dinov2(tmp_path / "damaged").joinpath("model.safetensors").write_bytes(b"nothing")
    for name in ("nowhere", "bert", "no_weights", "damaged"):
        with pytest.raises(InputError, match=r"Download .*rad_dino_weights=PATH"):
            Backbone.rad_dino(str(tmp_path / name))
    with pytest.raises(InputError, match="needs its weights"):
        Backbone.rad_dino(None)


def test_weights_that_leave_parts_at_random_are_refused(tmp_path: Path) -> None:
    write_dinov2(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(InputError, match="cannot be loaded"):
        Backbone.rad_dino(str(tmp_path))


def test_another_network_is_a_backbone_but_not_rad_dino(tmp_path: Path) -> None:
    model = write_image_backbone(tmp_path)
    facts = json.loads((tmp_path / "preprocessor_config.json").read_text())
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(facts | {"resample": 2}))
    with pytest.raises(InputError, match="vit is not RAD-DINO"):
        Backbone.rad_dino(str(tmp_path))
    extractor = Backbone.from_folder(str(tmp_path))
    extractor.setup("cpu")
    with torch.inference_mode():
        x = extractor.preprocessing(films(40, 40), "cpu")
        expected = model(x).last_hidden_state[:, 0]
    np.testing.assert_allclose(extract(extractor, list(films(40, 40))), expected, rtol=1e-4, atol=1e-5)
