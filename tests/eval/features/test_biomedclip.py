"""BiomedCLIP's common space, against open_clip, timm and open_clip's own transform."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from open_clip.transform import image_transform
from PIL import Image

from diffcxr.errors import InputError
from diffcxr.language.biomedclip import convert
from eval.features.backbone import Backbone
from eval.features.biomedclip import biomedclip
from tests.diffcxr.language.test_biomedclip import MEAN, STD, Clip, write_checkpoint


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Clip]:
    folder, clip = tmp_path_factory.mktemp("biomedclip") / "published", Clip()
    write_checkpoint(folder, clip)
    return folder, clip


def film(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return (127 + 60 * np.sin(x / 3) + 60 * np.cos(y / 2)).astype(np.uint8)


@torch.inference_mode()
def test_films_and_reports_are_where_open_clip_puts_them(published) -> None:
    folder, clip = published
    matcher = pickle.loads(pickle.dumps(biomedclip(folder)))
    matcher.films.setup("cpu")
    matcher.reports.setup("cpu")
    x = matcher.films.preprocessing(film(50, 60)[None], "cpu")
    token = clip.visual.trunk.forward_features(x)[:, 0]
    np.testing.assert_allclose(
        matcher.films.process(film(50, 60)[None]), clip.visual.head(token), rtol=1e-3, atol=1e-4
    )
    pieces = matcher.reports._tokenizer(["no effusion."], return_tensors="pt")
    token = clip.text.transformer(**pieces).last_hidden_state[:, 0]
    expected = clip.text.proj(token)
    np.testing.assert_allclose(matcher.reports.read(["no  effusion. "]), expected, rtol=1e-3, atol=1e-4)
    assert matcher.films.dimension == matcher.reports.dimension == 32


@pytest.mark.parametrize("shape", [(32, 32), (80, 64), (61, 88), (61, 90), (93, 61)])
def test_a_converted_tower_is_a_backbone_with_open_clip_s_preprocessing(
    published, tmp_path: Path, shape: tuple[int, int]
) -> None:
    folder, clip = published
    convert(folder, tmp_path)
    backbone = Backbone.from_folder(str(tmp_path / "film"))
    prepare = image_transform(32, is_train=False, mean=tuple(MEAN), std=tuple(STD))
    expected = prepare(Image.fromarray(film(*shape)))[None]
    matcher = biomedclip(folder).films.preprocessing
    found = matcher(film(*shape)[None], "cpu")
    assert found.shape == expected.shape
    grey = (found - expected).abs() * torch.tensor(STD)[:, None, None] * 255
    assert grey.max() < 1.01 and grey.mean() < 0.05  # PIL's 8-bit kernel rounds a half otherwise
    # transformers crops otherwise where the pixels left over are odd.
    over = [side * 32 // min(shape) - 32 for side in shape]
    steps = backbone.preprocessing.steps
    assert [str(step).removesuffix(", torchvision") for step in matcher.steps] == [
        str(step) for step in steps
    ]
    if not any(pixels % 2 for pixels in over):
        assert torch.equal(backbone.preprocessing(film(*shape)[None], "cpu"), found)
    found = backbone.preprocessing(film(*shape)[None], "cpu")
    backbone.setup("cpu")
    with torch.inference_mode():
        token = clip.visual.trunk.forward_features(found)[:, 0]
    np.testing.assert_allclose(backbone.process(film(*shape)[None]), token, rtol=1e-3, atol=1e-4)


def test_a_checkpoint_without_a_common_space_is_one_line(published, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "published", published[1])
    weights = torch.load(tmp_path / "published/open_clip_pytorch_model.bin", weights_only=True)
    del weights["text.proj.2.weight"]
    torch.save(weights, tmp_path / "published/open_clip_pytorch_model.bin")
    with pytest.raises(InputError, match="no BiomedCLIP checkpoint here"):
        biomedclip(tmp_path / "published")
