import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from diffcxr.errors import InputError
from diffcxr.findings import DIFFCXR_11
from eval.features.xrv import TARGETS, XRV, XRVClean, XRVFindings, _network
from tests.weights_of_others import write_xrv


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("xrv") / "densenet121-res224-all.pt"
    write_xrv(file)
    return file


def films(count: int) -> np.ndarray:
    y, x = np.mgrid[:200, :260]
    waves = [127 + 60 * np.sin(x / (9 + k)) + 60 * np.cos(y / (7 + 3 * k)) for k in range(count)]
    return np.array(waves).astype(np.uint8)


@torch.inference_mode()
def test_features_are_those_before_the_package_s_classifier(weights: Path) -> None:
    extractor = pickle.loads(pickle.dumps(XRV.from_file(str(weights))))
    extractor.setup("cpu")
    state = torch.load(weights, weights_only=True)
    points = state.pop("op_threshs")
    network = _network(state)
    x = extractor.preprocessing(films(2), "cpu")
    assert x.shape == (2, 1, 224, 224) and x.min() < -500 and x.max() > 500
    expected = F.adaptive_avg_pool2d(F.relu(network.features(x)), 1).flatten(1)
    found = extractor.process(films(2))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)

    # The classifier is above 0 where the package, which scales by operating points, is above a half.
    judge = XRVFindings.from_file(str(weights))
    judge.setup("cpu")
    probabilities = torch.sigmoid(network.classifier(expected))
    columns = [TARGETS.index({"Pleural Effusion": "Effusion"}.get(name, name)) for name in judge.findings]
    above = (probabilities > points)[:, columns].numpy()
    assert 0 < above.sum() < above.size
    np.testing.assert_array_equal(judge.process(films(2)) > 0, above)


def test_the_findings_are_those_that_the_model_was_trained_on(tmp_path: Path, weights: Path) -> None:
    assert set(XRVFindings.from_file(str(weights)).findings) == set(DIFFCXR_11)
    write_xrv(tmp_path / "rsna.pt", untrained=tuple(set(TARGETS) - {"Pneumonia", "Lung Opacity"}))
    judge = XRVFindings.from_file(str(tmp_path / "rsna.pt"))
    assert set(judge.findings) == {"Pneumonia", "Lung Opacity"} and judge.dimension == 2


def test_digests_are_of_the_weights_and_not_of_their_file(tmp_path: Path, weights: Path) -> None:
    state = torch.load(weights, weights_only=True)
    save_file(state, tmp_path / "same.safetensors")
    one, same = (XRV.from_file(str(file)).digest for file in (weights, tmp_path / "same.safetensors"))
    others = {kind.from_file(str(weights)).digest for kind in (XRVClean, XRVFindings)}
    assert one == same and len({one, *others}) == 3


def test_what_cannot_be_the_weights_is_one_line_that_says_how_to_write_them(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "module.pt")  # as the package's own downloads are, which run code
    torch.save({"features.conv0.weight": torch.zeros(3)}, tmp_path / "other.pt")
    for name in ("nowhere.pt", "module.pt", "other.pt"):
        with pytest.raises(InputError, match=r"state_dict\(\).*xrv_weights="):
            XRV.from_file(str(tmp_path / name))
    with pytest.raises(InputError, match="xrv needs its weights"):
        XRV.from_file(None)


def test_a_classifier_without_operating_points_is_refused(tmp_path: Path) -> None:
    state = write_xrv(tmp_path / "all.pt")
    del state["op_threshs"]
    torch.save(state, tmp_path / "bare.pt")
    XRV.from_file(str(tmp_path / "bare.pt"))
    with pytest.raises(InputError, match="no state_dict"):
        XRVFindings.from_file(str(tmp_path / "bare.pt"))
