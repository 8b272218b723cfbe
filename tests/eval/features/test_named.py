import pickle
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config

from diffcxr.errors import InputError
from eval.features.named import Named


def film(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return (127 + 60 * np.sin(x / 9) + 60 * np.cos(y / 7)).astype(np.uint8)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("named")
    torch.manual_seed(0)
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), folder / "resnet18.pt")
    save_file(timm.create_model("vit_tiny_patch16_224").state_dict(), folder / "vit.safetensors")
    return {
        "torchvision/resnet18": folder / "resnet18.pt",
        "timm/vit_tiny_patch16_224": folder / "vit.safetensors",
    }


@pytest.mark.parametrize("shape", [(300, 340), (200, 260)])
@torch.inference_mode()
def test_features_are_what_the_last_layer_is_given_after_the_library_s_own_transform(
    files: dict[str, Path], shape: tuple[int, int]
) -> None:
    vit = timm.create_model("vit_tiny_patch16_224")
    transforms = {
        "torchvision/resnet18": torchvision.models.ResNet18_Weights.DEFAULT.transforms(),
        "timm/vit_tiny_patch16_224": create_transform(**resolve_data_config({}, model=vit)),
    }
    for model, file in files.items():
        extractor = pickle.loads(pickle.dumps(Named.from_file(model, str(file))))
        extractor.setup("cpu")
        x = extractor.preprocessing(film(*shape)[None], "cpu")
        expected = transforms[model](Image.fromarray(film(*shape)).convert("RGB"))[None]
        grey = (x - expected).abs() * 0.25 * 255
        assert x.shape == expected.shape and grey.max() < 3 and grey.mean() < 0.05
        features = torch.from_numpy(extractor.process(film(*shape)[None]))
        assert features.shape == (1, extractor.dimension)
        last = extractor._network.get_submodule(extractor._last)
        torch.testing.assert_close(last(features), extractor._network(x), rtol=1e-4, atol=1e-4)


def test_what_does_not_fit_is_one_line(files: dict[str, Path], tmp_path: Path) -> None:
    resnet, vit = files.values()
    state = torch.load(resnet, weights_only=True)
    torch.save({n: v for n, v in state.items() if not n.startswith("fc.")}, tmp_path / "headless.pt")
    assert Named.from_file("torchvision/resnet18", str(tmp_path / "headless.pt")).dimension == 512
    torch.save({n: v for n, v in state.items() if not n.startswith("layer4")}, tmp_path / "partial.pt")
    for model, file in (
        ("torchvision/resnet18", tmp_path / "partial.pt"),
        ("torchvision/resnet18", vit),
        ("torchvision/no_such_net", resnet),
        ("keras/resnet18", resnet),
        ("timm/resnet18", tmp_path / "nowhere.pt"),
    ):
        with pytest.raises(InputError, match=r"no weights of .*named_weights=PATH"):
            Named.from_file(model, str(file))
    with pytest.raises(InputError, match="named needs"):
        Named.from_file(None, str(resnet))
