"""torchxrayvision's DenseNet-121 of chest films, 1024 features; in two preprocessings, and as a classifier.

The network is torchvision's with one input channel. The package is not needed: the weights come by path, as
its loaded model's `state_dict`, since what it downloads is a pickled module, which would run code here.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn
from torchvision.models import DenseNet

from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14
from eval.features.extractor import extractor_digest, load_weights, use_exact_arithmetic
from eval.features.preprocessing import MiddleSquare, Preprocessing, Range, Resize, SmoothResize

TARGETS = (
    "Atelectasis", "Consolidation", "Infiltration", "Pneumothorax", "Edema", "Emphysema", "Fibrosis",
    "Effusion", "Pneumonia", "Pleural_Thickening", "Cardiomegaly", "Nodule", "Mass", "Hernia", "Lung Lesion",
    "Fracture", "Lung Opacity", "Enlarged Cardiomediastinum",
)  # fmt: skip
"""What the package's DenseNets are trained to tell, in the order of their logits."""

_AS_CALLED = {"Pleural Effusion": "Effusion"}
_THRESHOLDS = "op_threshs"
_MODEL = "densenet121-res224-all"
_FIX = (
    'Where torchxrayvision is installed, write them by python -c "import torch, torchxrayvision as xrv; '
    f"torch.save(xrv.models.DenseNet(weights='{_MODEL}').state_dict(), '{_MODEL}.pt')\", and give "
    f"xrv_weights={_MODEL}.pt."
)


class XRV:
    """An `Extractor`: the package's `features2`, of films cropped to a square and resized as it does.

    Source: Cohen et al. 2022, arXiv 2111.00595; torchxrayvision 1.5.7.
    """

    name = "xrv"
    dimension = 1024
    preprocessing = Preprocessing(
        steps=(MiddleSquare(), SmoothResize(224)), values=Range(-1024, 1024), channels=1
    )

    def __init__(self, weights: dict[str, Tensor]) -> None:
        """`weights`: the state of the package's DenseNet. Raises ValueError for another."""
        self._weights = {name: value for name, value in weights.items() if name != _THRESHOLDS}
        self.digest = extractor_digest(self.name, _content(weights), self._recipe())
        _network(self._weights)

    @classmethod
    def from_file(cls, path: str | None) -> Self:
        """The extractor with the weights at `path`, of torch.save or safetensors.

        Raises InputError where there are none, or they are of another network.
        """
        if path is None:
            raise InputError(f"{cls.name} needs its weights", "xrv_weights", _FIX)
        file = Path(path).expanduser()
        try:
            data = file.read_bytes()
            return cls(load_safetensors(data) if file.suffix == ".safetensors" else load_weights(data))
        except OSError as error:
            raise InputError("xrv weights cannot be read", str(file), _FIX) from error
        except (ValueError, SafetensorError) as error:
            raise InputError("no state_dict of torchxrayvision's DenseNet", str(file), _FIX) from error

    def setup(self, device: str) -> None:
        use_exact_arithmetic()
        self._device = device
        self._network = _network(self._weights).to(device=device)

    @torch.inference_mode()
    def process(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        features: NDArray[np.float32] = self._pooled(films).cpu().numpy()
        return features

    def _pooled(self, films: NDArray[np.uint8]) -> Tensor:
        maps = self._network.features(self.preprocessing(films, self._device))
        return F.relu(maps, inplace=True).mean((2, 3))

    def _recipe(self) -> str:
        return f"{self.preprocessing}; pooled {self.dimension}"


class XRVClean(XRV):
    """`XRV` of films that clean-fid has resized to 299 pixels first, as RoentGen's released FID takes it.

    Stretched, since the crop that follows there is one of squares. The range ends where torchvision's grey of
    white does, 0.2989 + 0.587 + 0.114. Its bilinear resize is of tensors, which torchvision did not antialias
    before 0.17 of 2024; the paper is of 2022. Source: StanfordMIMI/RoentGen, eval/calculate_fid.py.
    """

    name = "xrv_clean"
    preprocessing = Preprocessing(
        steps=(
            Resize(size=299, resampling="bicubic", antialias=True),
            Resize(size=224, antialias=False),
        ),
        values=Range(-1024, 2048 * 0.9999 - 1024),
        channels=1,
    )


class XRVFindings(XRV):
    """A `Judge`: how far each finding's logit is above that of its operating point, of CheXpert's findings.

    The package scales probabilities so that its operating points become a half: these scores order films as
    it does, and are above 0 where it says more than a half.
    """

    name = "xrv_findings"

    def __init__(self, weights: dict[str, Tensor]) -> None:
        if _THRESHOLDS not in weights or len(weights[_THRESHOLDS]) != len(TARGETS):
            raise ValueError("no operating points")
        points = torch.logit(weights[_THRESHOLDS].double())
        columns: dict[str, int] = {
            finding: TARGETS.index(name)
            for finding in CHEXPERT_14
            if (name := _AS_CALLED.get(finding, finding)) in TARGETS
        }
        trained = {finding: at for finding, at in columns.items() if torch.isfinite(points[at])}
        self.findings = tuple(trained)  # what a model was not trained on, the package gives a half
        self.dimension = len(self.findings)
        self._columns = list(trained.values())
        self._points = points[self._columns]
        super().__init__(weights)

    @torch.inference_mode()
    def process(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits = self._network.classifier(self._pooled(films))[:, self._columns].double().cpu()
        scores: NDArray[np.float32] = (logits - self._points).float().numpy()
        return scores

    def _recipe(self) -> str:
        return f"{self.preprocessing}; logits above operating points of {', '.join(self.findings)}"


def _network(weights: dict[str, Tensor]) -> Any:
    network: Any = DenseNet(
        growth_rate=32, block_config=(6, 12, 24, 16), num_init_features=64, num_classes=len(TARGETS)
    )
    network.features.conv0 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:  # torch's word for keys and shapes that do not match
        raise ValueError("the weights do not fit the network") from error
    return network.eval()


def _content(weights: dict[str, Tensor]) -> bytes:
    """SHA-256 of what the weights are, whatever file they are in."""
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.digest()
