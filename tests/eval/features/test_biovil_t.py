import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import transforms
from torchvision.models import resnet50
from torchvision.models.feature_extraction import create_feature_extractor
from transformers import BertForMaskedLM

from diffcxr.errors import InputError
from eval.features.biovil_t import WEIGHTS, biovil_t
from eval.features.extractor import Matcher
from tests.weights_of_others import write_biovil_t, write_text_encoder

TEXTS = ["no effusion.", "large effusion, right."]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BertForMaskedLM]:
    folder = tmp_path_factory.mktemp("published") / "biovil-t"
    return folder, write_biovil_t(folder)


@pytest.fixture(scope="module")
def matcher(published: tuple[Path, BertForMaskedLM]) -> Matcher:
    made: Matcher = pickle.loads(pickle.dumps(biovil_t(published[0])))
    made.films.setup("cpu")
    made.reports.setup("cpu")
    return made


@torch.inference_mode()
def test_a_film_s_vector_is_the_mean_of_its_projected_patches(published, matcher: Matcher) -> None:
    film = np.random.default_rng(0).integers(30, 200, (300, 340), dtype=np.uint8)
    # hi-ml's remapping of greys, transform, and forward pass without an earlier film.
    grey = ((film.astype(float) - film.min()) / (film.max() - film.min()) * 255).astype(np.uint8)
    prepare = transforms.Compose([transforms.Resize(512), transforms.CenterCrop(448), transforms.ToTensor()])
    x = prepare(Image.fromarray(grey)).expand(1, 3, -1, -1)
    ours = matcher.films.preprocessing(film[None], "cpu")
    assert (ours - x).abs().max() < 1.01 / 255 and (ours - x).abs().mean() < 1e-4

    state = torch.load(published[0] / WEIGHTS, weights_only=True)
    trunk = resnet50(weights=None).eval()
    prefix = "encoder.encoder."
    trunk.load_state_dict({n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)})
    patches = create_feature_extractor(trunk, ["layer4"])(ours)["layer4"]
    patches = nn.functional.conv2d(patches, state["encoder.backbone_to_vit.weight"])
    missing = state["encoder.missing_previous_emb"].repeat(1, 1, *patches.shape[2:])
    projector = nn.Sequential(
        nn.Conv2d(512, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU(), nn.Conv2d(128, 128, 1)
    ).eval()
    prefix = "projector.model."
    projector.load_state_dict({n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)})
    expected = projector(torch.cat([patches, missing], dim=1)).mean((2, 3))
    found = matcher.films.process(film[None])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@torch.inference_mode()
def test_a_report_s_vector_is_its_class_token_s_projection(published, matcher: Matcher) -> None:
    text = published[1]
    head = text.cls_projection_head
    for one, found in zip(TEXTS, matcher.reports.read(TEXTS), strict=True):
        pieces = matcher.reports._tokenizer([one], return_tensors="pt")
        token = text(**pieces, output_hidden_states=True).hidden_states[-1][:, 0]
        hidden = head["LayerNorm"](nn.functional.gelu(head["dense_to_hidden"](token)))
        np.testing.assert_allclose(found, head["dense_to_output"](hidden)[0], rtol=1e-4, atol=1e-5)
    long = matcher.reports.read([" ".join(TEXTS * 200)])  # cut to what the network can read
    assert np.isfinite(long).all()


def test_a_folder_without_it_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    write_text_encoder(tmp_path / "bert")
    for name in ("nowhere", "bert"):
        with pytest.raises(InputError, match=r"no BioViL-T here.*matcher=PATH"):
            biovil_t(tmp_path / name)
    torch.save({"encoder.x": torch.zeros(1)}, tmp_path / "bert" / WEIGHTS)
    with pytest.raises(InputError, match="no BioViL-T here"):
        biovil_t(tmp_path / "bert")
