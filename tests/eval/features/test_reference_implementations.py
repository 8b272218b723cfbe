"""Features beside those of the implementations that presets name: their preprocessing, their network.

The same films and the same random weights go both ways. At most 4e-5 of the spread of features between films
was measured, which is the last bits of the convolutions: films are prepared alike to the last grey. With a
resize that rounds in floats it was 0.007 to 0.03, and 1.3 where the one of XRVClean was antialiased.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchxrayvision as xrv
from cleanfid.resize import build_resizer
from PIL import Image
from pytorch_fid import inception as pytorch_fid
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torchvision import transforms
from transformers import AutoImageProcessor, AutoModel, Dinov2Config, Dinov2Model

from eval.features.backbone import Backbone
from eval.features.extractor import Extractor
from eval.features.inception import Inception, Inception256, Inception299, InceptionClean
from eval.features.xrv import TARGETS, XRV, XRVClean, XRVFindings
from tests.eval.inception_weights import write_inception_weights
from tests.weights_of_others import write_xrv

MOST = 1e-4
SHAPES = [(256, 256), (270, 340)]  # of which every Pillow resizes rows first


def films(shape: tuple[int, int], count: int = 4) -> np.ndarray:
    """Films (count, h, w) that are smooth here and grainy there, some with black and white edges."""
    rng = np.random.default_rng(sum(shape))
    y, x = (np.linspace(0, 1, side) for side in shape)
    drawn = []
    for number in range(count):
        pattern = 128 + 90 * np.sin(9 * y[:, None] + number) * np.cos((5 + number) * x)
        grain = rng.normal(size=shape) * 40 * (x > 0.5)
        film = pattern + grain
        film[: shape[0] // 9, : shape[1] // 3] = 255 * (number % 2)
        drawn.append(film.clip(0, 255).astype(np.uint8))
    return np.array(drawn)


def of_ours(extractor: Extractor, shape: tuple[int, int]) -> np.ndarray:
    extractor.setup("cpu")
    return extractor.process(films(shape))


def apart(ours: np.ndarray, theirs: torch.Tensor) -> float:
    """The largest difference, as a share of the largest spread of a feature between films."""
    spread = theirs.numpy().std(0).max()
    return float(np.abs(ours - theirs.numpy()).max() / spread)


def in_colour(shape: tuple[int, int]) -> list[Image.Image]:
    return [Image.fromarray(film).convert("RGB") for film in films(shape)]


def of_chexgenbench(shape: tuple[int, int]) -> torch.Tensor:
    """Its films (n, 3, 299, 299), uint8: resized by torchvision, to [0, 1], and cut to bytes."""
    prepare = transforms.Compose([transforms.Resize((299, 299)), transforms.ToTensor()])
    return (torch.stack([prepare(film) for film in in_colour(shape)]) * 255).to(torch.uint8)


@pytest.fixture(scope="module")
def inception(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inception_weights(tmp_path_factory.mktemp("inception") / "weights.pth")


@pytest.fixture(scope="module")
def densenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("xrv") / "all.pt"
    write_xrv(file)
    return file


def pytorch_fid_network(weights: Path, monkeypatch: pytest.MonkeyPatch) -> pytorch_fid.InceptionV3:
    state = torch.load(weights, weights_only=True)
    monkeypatch.setattr(pytorch_fid, "load_state_dict_from_url", lambda *args, **kwargs: state)
    return pytorch_fid.InceptionV3([3]).eval()


def xrv_network(weights: Path) -> xrv.models.DenseNet:
    """The package's network, as its constructor leaves one with pretrained weights."""
    state = torch.load(weights, weights_only=True)
    network = xrv.models.DenseNet(weights=None, num_classes=len(TARGETS), op_threshs=state["op_threshs"])
    network.load_state_dict(state)
    network.pathologies = list(TARGETS)
    return network.eval()


@pytest.mark.parametrize("shape", SHAPES)
@torch.inference_mode()
def test_inception_299_has_the_features_of_chexgenbench_s_torchmetrics(
    shape: tuple[int, int], inception: Path
) -> None:
    network = FeatureExtractorInceptionV3("i", ["2048"], feature_extractor_weights_path=str(inception))
    theirs = network(of_chexgenbench(shape))[0]
    assert apart(of_ours(Inception299.from_file(str(inception)), shape), theirs) < MOST


@pytest.mark.parametrize("shape", SHAPES)
@torch.inference_mode()
def test_rad_dino_299_has_the_features_of_chexgenbench_s_processor_and_network(
    shape: tuple[int, int], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=518, patch_size=14
    )
    Dinov2Model(config).save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(RAD_DINO)
    batch, model = of_chexgenbench(shape), AutoModel.from_pretrained(tmp_path).eval()
    prepared = AutoImageProcessor.from_pretrained(tmp_path, backend="pil")(images=batch, return_tensors="pt")
    theirs = model(**prepared).pooler_output
    assert apart(of_ours(Backbone.rad_dino_299(str(tmp_path)), shape), theirs) < MOST


@pytest.mark.parametrize("shape", SHAPES)
@torch.inference_mode()
def test_inception_256_has_the_features_of_diff_cxr_s_resize_and_pytorch_fid(
    shape: tuple[int, int], inception: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = transforms.Compose([transforms.Resize((256, 256)), transforms.ToTensor()])
    batch = torch.stack([prepare(film) for film in in_colour(shape)])
    theirs = pytorch_fid_network(inception, monkeypatch)(batch)[0].flatten(1)
    assert apart(of_ours(Inception256.from_file(str(inception)), shape), theirs) < MOST


@pytest.mark.parametrize("shape", SHAPES)
@torch.inference_mode()
def test_inception_has_the_features_of_pytorch_fid(
    shape: tuple[int, int], inception: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = torch.stack([transforms.ToTensor()(film) for film in in_colour(shape)])
    theirs = pytorch_fid_network(inception, monkeypatch)(batch)[0].flatten(1)
    assert apart(of_ours(Inception.from_file(str(inception)), shape), theirs) < MOST


@pytest.mark.parametrize("shape", SHAPES)
@torch.inference_mode()
def test_inception_clean_has_the_features_of_clean_fid_s_resize(
    shape: tuple[int, int], inception: Path
) -> None:
    network = FeatureExtractorInceptionV3("i", ["2048"], feature_extractor_weights_path=str(inception))
    resize = build_resizer("clean")
    batch = torch.stack([torch.from_numpy(resize(np.array(f))).permute(2, 0, 1) for f in in_colour(shape)])
    # torch-fidelity's network wants bytes: past that check it scales as clean-fid's wrapper does.
    network.Conv2d_1a_3x3.register_forward_pre_hook(lambda module, x: ((batch - 128) / 128,))
    theirs = network(torch.zeros_like(batch, dtype=torch.uint8))[0]
    assert apart(of_ours(InceptionClean.from_file(str(inception)), shape), theirs) < MOST


@pytest.mark.parametrize("shape", SHAPES)
@torch.inference_mode()
def test_xrv_has_the_features_of_the_package_s_own_transforms(shape: tuple[int, int], densenet: Path) -> None:
    prepare = transforms.Compose([xrv.datasets.XRayCenterCrop(), xrv.datasets.XRayResizer(224)])
    batch = np.stack([prepare(xrv.utils.normalize(film, 255)[None]) for film in films(shape)])
    network = xrv_network(densenet)
    theirs = network.features2(torch.from_numpy(batch).float())
    assert apart(of_ours(XRV.from_file(str(densenet)), shape), theirs) < MOST
    judge = XRVFindings.from_file(str(densenet))
    found = of_ours(judge, shape) > 0
    called = [{"Pleural Effusion": "Effusion"}.get(name, name) for name in judge.findings]
    said = network(torch.from_numpy(batch).float())[:, [TARGETS.index(name) for name in called]] > 0.5
    np.testing.assert_array_equal(found, said.numpy())


@pytest.mark.parametrize("shape", SHAPES)
@torch.inference_mode()
def test_xrv_clean_has_the_features_of_roentgen_s_pipeline(shape: tuple[int, int], densenet: Path) -> None:
    resize = build_resizer("clean")
    batch = torch.stack([torch.from_numpy(resize(np.array(f))).permute(2, 0, 1) for f in in_colour(shape)])
    grey = 2048 * (transforms.functional.rgb_to_grayscale(batch) / 255) - 1024
    # As torchvision resized tensors until 0.17.
    theirs = xrv_network(densenet).features2(transforms.Resize(224, antialias=False)(grey))
    assert apart(of_ours(XRVClean.from_file(str(densenet)), shape), theirs) < MOST


RAD_DINO = """{
  "crop_size": {"height": 518, "width": 518}, "do_center_crop": true, "do_convert_rgb": true,
  "do_normalize": true, "do_rescale": true, "do_resize": true,
  "image_mean": [0.5307, 0.5307, 0.5307], "image_std": [0.2583, 0.2583, 0.2583],
  "image_processor_type": "BitImageProcessor", "resample": 3, "rescale_factor": 0.00392156862745098,
  "size": {"shortest_edge": 518}
}"""
