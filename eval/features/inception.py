"""The field's reference Inception: pytorch-fid's network and weights, 2048 features; four ways to resize."""

from __future__ import annotations

from pathlib import Path
from typing import Self
from urllib.error import URLError

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_fid import inception as pytorch_fid
from torch import nn

from diffcxr.errors import InputError
from eval.features.extractor import extractor_digest, fold_norms, load_weights, use_exact_arithmetic
from eval.features.preprocessing import CornerResize, Preprocessing, Range, Resize, Standardised

_FIX = f"Download {pytorch_fid.FID_WEIGHTS_URL} where there is a network, and give inception_weights=PATH."


class Inception:
    """An `Extractor`: pytorch-fid's last pooling, from films scaled as its InceptionV3 scales them."""

    name = "inception"
    dimension = 2048
    preprocessing = Preprocessing(steps=(Resize(size=299, antialias=False),), values=Range(-1, 1))

    def __init__(self, weights: bytes) -> None:
        """`weights`: the bytes of a file in the format of pytorch-fid's. Raises ValueError for another."""
        self._weights = weights
        self.digest = extractor_digest(self.name, weights, f"{self.preprocessing}; norms folded; pooled 2048")
        pooling_network(weights)

    @classmethod
    def from_file(cls, path: str | None) -> Self:
        """The extractor with the weights at `path`; None takes pytorch-fid's usual download and its cache.

        Raises InputError where there are none, or they are of another network.
        """
        file = Path(path).expanduser() if path is not None else _download()
        try:
            return cls(file.read_bytes())
        except OSError as error:
            raise InputError("Inception weights cannot be read", str(file), _FIX) from error
        except ValueError as error:
            raise InputError("not weights of pytorch-fid's Inception", str(file), _FIX) from error

    def setup(self, device: str) -> None:
        use_exact_arithmetic()
        self._device = device
        # On a CPU, channels last are nearly twice as fast; on a GPU nobody has measured them here.
        self._layout = torch.channels_last if device == "cpu" else torch.contiguous_format
        network = pooling_network(self._weights)
        fold_norms(network)
        self._network = network.to(device).to(memory_format=self._layout)

    @torch.inference_mode()
    def process(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        x = self.preprocessing(films, self._device).contiguous(memory_format=self._layout)
        pooled: NDArray[np.float32] = self._network(x).cpu().numpy()
        return pooled

    def class_layer(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """With no bias, as inception scores are taken."""
        layer = load_weights(self._weights)["fc.weight"].numpy()
        return layer, np.zeros(len(layer), np.float32)


class Inception256(Inception):
    """`Inception` of films that are first resized to 256 pixels, stretched, as Diff-CXR's FID is taken.

    By torchvision's Resize of 8-bit images, which is antialiased bilinear, rounded. Films of 256 pixels have
    the features of `Inception`. Source: Clarezero/UniMedDiff, tools/my_fid_score.py.
    """

    name = "inception_256"
    preprocessing = Preprocessing(
        steps=(Resize(size=256, antialias=True, rounded=True), Resize(size=299, antialias=False)),
        values=Range(-1, 1),
    )


class InceptionClean(Inception):
    """pytorch-fid's network and weights behind clean-fid's resizing: antialiased bicubic, not rounded.

    Source: Parmar et al. 2022, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation". clean-fid
    runs a TorchScript file of StyleGAN's instead, a conversion of the same TensorFlow graph; how far its
    FIDs are from these has not been measured.
    """

    name = "inception_clean"
    preprocessing = Preprocessing(
        steps=(Resize(size=299, resampling="bicubic", antialias=True),),
        values=Standardised(mean=(128,), std=(128,)),
    )


class InceptionFidelity(Inception):
    """`Inception` behind the resizing of torch-fidelity, and so of torchmetrics: TensorFlow 1's.

    Source: Obukhov et al., torch-fidelity, feature_extractor_inceptionv3.py.
    """

    name = "inception_fidelity"
    preprocessing = Preprocessing(steps=(CornerResize(299),), values=Standardised(mean=(128,), std=(128,)))


class Inception299(Inception):
    """`Inception` as CheXGenBench calls torchmetrics: films of 8 bits, resized to 299 pixels by torchvision.

    Its inception score is told to take the pooled features for logits (`feature=2048`), and so does
    `class_layer`. Source: Raman1121/CheXGenBench, metrics/fid.py; torchmetrics' network is torch-fidelity's,
    of the same weights.
    """

    name = "inception_299"
    preprocessing = Preprocessing(
        steps=(Resize(size=299, antialias=True, rounded=True),), values=Standardised(mean=(128,), std=(128,))
    )

    def class_layer(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.eye(self.dimension, dtype=np.float32), np.zeros(self.dimension, np.float32)


VARIANTS = {
    variant.name: variant
    for variant in (Inception, Inception256, Inception299, InceptionClean, InceptionFidelity)
}
"""By name."""


def pooling_network(weights: bytes) -> nn.Module:
    """What pytorch_fid.inception.InceptionV3 puts together for 2048 features, without its download.

    Raises ValueError where the weights are of another network.
    """
    inception = untrained_inception()
    try:
        inception.load_state_dict(load_weights(weights))
    except RuntimeError as error:  # torch's word for keys and shapes that do not match
        raise ValueError("the weights do not fit the network") from error
    # Its children stand in the order of the pass; what follows the last pooling is left out.
    parts = [part for name, part in inception.named_children() if name not in ("dropout", "fc")]
    return nn.Sequential(*parts, nn.Flatten()).eval()


def untrained_inception() -> nn.Module:
    """The network of pytorch_fid's fid_inception_v3, whose weights are still to be loaded."""
    inception = pytorch_fid._inception_v3(num_classes=1008, aux_logits=False, weights=None)
    inception.Mixed_5b = pytorch_fid.FIDInceptionA(192, pool_features=32)
    inception.Mixed_5c = pytorch_fid.FIDInceptionA(256, pool_features=64)
    inception.Mixed_5d = pytorch_fid.FIDInceptionA(288, pool_features=64)
    inception.Mixed_6b = pytorch_fid.FIDInceptionC(768, channels_7x7=128)
    inception.Mixed_6c = pytorch_fid.FIDInceptionC(768, channels_7x7=160)
    inception.Mixed_6d = pytorch_fid.FIDInceptionC(768, channels_7x7=160)
    inception.Mixed_6e = pytorch_fid.FIDInceptionC(768, channels_7x7=192)
    inception.Mixed_7b = pytorch_fid.FIDInceptionE_1(1280)
    inception.Mixed_7c = pytorch_fid.FIDInceptionE_2(2048)
    network: nn.Module = inception
    return network


def _download() -> Path:
    """pytorch-fid's weights in torch's cache, fetched if they are not there."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    file = folder / Path(pytorch_fid.FID_WEIGHTS_URL).name
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            # The name ends in the first digits of the file's SHA-256.
            torch.hub.download_url_to_file(
                pytorch_fid.FID_WEIGHTS_URL,
                str(file),
                hash_prefix=file.stem.rsplit("-", 1)[-1],
                progress=False,
            )
        except (URLError, OSError, RuntimeError) as error:
            raise InputError(
                "no Inception weights, and they cannot be downloaded", str(file), _FIX
            ) from error
    return file
