import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_sample_image

from eval.features.efficientnet_lite0 import EfficientNetLite0, Network
from eval.features.extractor import BATCH, extract, load_weights

DAISY, PALACE = 985, 698  # ImageNet classes


@pytest.fixture(scope="module")
def extractor() -> EfficientNetLite0:
    made = pickle.loads(pickle.dumps(EfficientNetLite0()))  # as it comes to a worker
    made.setup("cpu")
    return made


@pytest.mark.parametrize(("photograph", "expected"), [("flower.jpg", DAISY), ("china.jpg", PALACE)])
def test_the_network_recognises_photographs(photograph: str, expected: int) -> None:
    network = Network().eval()
    network.load_state_dict(load_weights(EfficientNetLite0()._weights))
    x = torch.from_numpy(load_sample_image(photograph).copy()).permute(2, 0, 1)[None].float()
    x = F.interpolate(x, (256, 384), mode="bicubic", antialias=True)[:, :, 16:240, 80:304]
    with torch.inference_mode():
        assert int(network((x - 127) / 128).argmax()) == expected


def test_a_film_s_features_do_not_depend_on_its_company(extractor: EfficientNetLite0) -> None:
    rng = np.random.default_rng(0)
    small = list(rng.integers(0, 256, (BATCH + 3, 64, 64), dtype=np.uint8))
    large = list(rng.integers(0, 256, (2, 100, 90), dtype=np.uint8))
    features = extract(extractor, [*small[:5], large[0], *small[5:], large[1]])
    assert features.shape == (BATCH + 5, 1280)
    assert features.dtype == np.float32
    alone = extract(extractor, [large[1], small[-1], small[0]])
    np.testing.assert_array_equal(alone, features[[-1, -2, 0]])


def test_features_tell_films_apart_and_no_two_extractors_share_a_digest(extractor: EfficientNetLite0) -> None:
    flat, stripes = np.full((64, 64), 90, np.uint8), np.zeros((64, 64), np.uint8)
    stripes[::8] = 200
    features = extract(extractor, [flat, stripes])
    assert np.linalg.norm(features[0] - features[1]) > 1
    assert features.min() >= 0
    assert extractor.digest == EfficientNetLite0().digest
    assert extractor.digest.startswith("sha256:")


def test_its_class_layer_gives_the_network_s_own_logits(extractor: EfficientNetLite0) -> None:
    network = Network().eval()
    network.load_state_dict(load_weights(extractor._weights))
    x = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    weights, bias = extractor.class_layer()
    with torch.inference_mode():
        ours = network.features(x).numpy() @ weights.T + bias
        np.testing.assert_allclose(ours, network(x).numpy(), atol=1e-4)
