from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from cleanfid.resize import build_resizer
from PIL import Image
from pytorch_fid import inception as pytorch_fid
from pytorch_fid.fid_score import calculate_frechet_distance, get_activations

from diffcxr.errors import InputError
from eval.features.extractor import extract
from eval.features.inception import Inception, Inception256, InceptionClean
from eval.frechet import frechet_distance
from eval.moments import Moments, update
from tests.eval.inception_weights import write_inception_weights


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inception_weights(tmp_path_factory.mktemp("inception") / "weights.pth")


def films(count: int, seed: int, grain: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, 3, 96)
    pattern = np.sin(rows[None, :, None] * rng.uniform(1, 3, (count, 1, 1)) + rows[None, None, :])
    noisy = 128 + 80 * pattern + grain * rng.normal(size=(count, 96, 96))
    return noisy.clip(0, 255).astype(np.uint8)


def test_fid_is_pytorch_fid_s_on_the_same_images_and_weights(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = torch.load(weights, weights_only=True)
    monkeypatch.setattr(pytorch_fid, "load_state_dict_from_url", lambda *args, **kwargs: state)
    network = pytorch_fid.InceptionV3([3]).eval()
    extractor = Inception.from_file(str(weights))
    extractor.setup("cpu")
    ours, theirs = [], []
    for name, seed, grain in (("real", 1, 5.0), ("synthetic", 2, 25.0)):
        images = films(32, seed, grain)
        folder = tmp_path / name
        folder.mkdir()
        for index, image in enumerate(images):
            Image.fromarray(image).save(folder / f"{index:03d}.png")
        files = sorted(folder.iterdir())
        theirs.append(get_activations(files, network, 16, 2048, "cpu", num_workers=0))
        ours.append(update(Moments(2048), extract(extractor, list(images))))
    # Turned into the space that the 64 vectors span, where sqrtm takes no minutes; distances stay the same.
    basis = np.linalg.qr(np.concatenate(theirs).astype(np.float64).T)[0]
    turned = [vectors @ basis for vectors in theirs]
    statistics = [(vectors.mean(0), np.cov(vectors, rowvar=False)) for vectors in turned]
    expected = calculate_frechet_distance(*statistics[0], *statistics[1])
    assert frechet_distance(*ours) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("shape", [(96, 96), (299, 299), (512, 400), (300, 1000)])
def test_inception_clean_resizes_as_clean_fid_does(shape: tuple[int, int]) -> None:
    film = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    resized = build_resizer("clean")(np.repeat(film[..., None], 3, axis=2))
    expected = (torch.from_numpy(resized).permute(2, 0, 1)[None] - 128) / 128  # as its InceptionV3W scales
    found = InceptionClean.preprocessing(film[None], "cpu")
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)  # a hundredth of a grey value


def test_inception_256_is_inception_on_films_of_256_pixels() -> None:
    rng = np.random.default_rng(0)
    film, large = (rng.integers(0, 256, (1, side, side), dtype=np.uint8) for side in (256, 400))
    found = Inception256.preprocessing(film, "cpu")
    assert torch.equal(found, Inception.preprocessing(film, "cpu"))
    small = np.array(Image.fromarray(large[0]).resize((256, 256), Image.Resampling.BILINEAR))
    expected = Inception.preprocessing(small[None], "cpu")
    found = Inception256.preprocessing(large, "cpu")
    torch.testing.assert_close(found, expected, rtol=0, atol=1.01 * 2 / 255)  # PIL may round a half otherwise
    assert (found - expected).abs().mean() < 1e-4
    assert (found - Inception.preprocessing(large, "cpu")).abs().mean() > 0.1


def test_variants_share_weights_and_each_has_its_digest(weights: Path) -> None:
    made = [each.from_file(str(weights)) for each in (Inception, Inception256, InceptionClean)]
    assert [each.name for each in made] == ["inception", "inception_256", "inception_clean"]
    assert len({each.digest for each in made}) == 3


def test_no_download_and_no_weights_is_one_line_that_says_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    with pytest.raises(InputError, match="inception_weights=PATH"):
        Inception.from_file(None)


@pytest.mark.parametrize("content", [b"", b"not weights", "other network", "pickle"])
def test_a_file_that_holds_other_weights_is_an_input_error(tmp_path: Path, content: bytes | str) -> None:
    file = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content == "pickle":
        torch.save({"run": print}, file)
    else:
        torch.save({"fc.weight": torch.zeros(3)}, file)
    with pytest.raises(InputError, match="not weights of"):
        Inception.from_file(str(file))


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        Inception.from_file(str(tmp_path / "nowhere.pth"))
