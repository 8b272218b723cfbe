"""A compact classifier of chest films: the judge of mAUC, and the student of the downstream experiments."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14
from diffcxr.precision import autocast
from eval.downstream.augmentation import augment_films

_PREDICT_BATCH = 32  # one shape: a film's score does not depend on how many films came with it


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierConfig:
    """The shape of the network, as config.json holds it."""

    size: int = 128  # pixels a side; films of another size are resized
    widths: tuple[int, ...] = (32, 64, 112, 176, 192)  # the stem at size / 2, then one stage a halving
    findings: tuple[str, ...] = CHEXPERT_14


class _Block(nn.Module):
    """A residual block that halves the resolution (He et al. 2015, with the pooled shortcut of ResNet-D)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(h)) + self.shortcut(F.avg_pool2d(x, 2)))


class FindingClassifier(nn.Module):
    """Logits (b, findings) of films (b, 1, size, size) in [0, 1]; about 1.2 M parameters."""

    def __init__(self, config: ClassifierConfig | None = None) -> None:
        super().__init__()
        self.config = config or ClassifierConfig()
        stem, *stages = self.config.widths
        self.stem = nn.Conv2d(4, stem, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(stem)
        inputs = [stem, *stages[:-1]]
        self.blocks = nn.Sequential(*(_Block(i, o) for i, o in zip(inputs, stages, strict=True)))
        self.head = nn.Linear(2 * stages[-1], len(self.config.findings))

    def forward(self, films: Tensor) -> Tensor:
        x = F.pixel_unshuffle(films - 0.5, 2).contiguous(memory_format=torch.channels_last)
        x = self.blocks(F.relu(self.stem_norm(self.stem(x))))
        # The mean sees what is everywhere, the maximum what is in one place.
        pooled: Tensor = torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1)
        logits: Tensor = self.head(pooled)
        return logits.float()

    @torch.inference_mode()
    def predict(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n, findings), float32, of films (n, h, w) uint8; computed in float32 at one batch shape."""
        self.eval()
        device = self.head.weight.device
        scores = np.empty((len(films), len(self.config.findings)), np.float32)
        for start in range(0, len(films), _PREDICT_BATCH):
            part = films[start : start + _PREDICT_BATCH]
            batch = torch.zeros(_PREDICT_BATCH, *films.shape[1:], dtype=torch.uint8)
            batch[: len(part)] = torch.from_numpy(np.ascontiguousarray(part))
            logits = self(resize_films(batch.to(device), self.config.size).unsqueeze(1) / 255)
            scores[start : start + len(part)] = logits[: len(part)].cpu().numpy()
        return scores

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(asdict(self.config), indent=2) + "\n")
        save_file({k: v.contiguous() for k, v in self.state_dict().items()}, folder / "model.safetensors")

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> FindingClassifier:
        """The classifier of a folder that `save_pretrained` wrote, in evaluation mode.

        Raises InputError where the folder holds no such classifier.
        """
        folder = Path(folder)
        fix = "Give a folder with config.json and model.safetensors, as stage=classifier of `train` writes."
        try:
            values = json.loads((folder / "config.json").read_text())
            config = ClassifierConfig(
                size=int(values["size"]), widths=tuple(values["widths"]), findings=tuple(values["findings"])
            )
            model = cls(config)
            model.load_state_dict(load_file(folder / "model.safetensors"))
        except FileNotFoundError as error:
            raise InputError("no classifier weights", str(folder), fix) from error
        except (ValueError, KeyError, TypeError, RuntimeError) as error:
            raise InputError("damaged classifier", str(folder), fix) from error
        return model.to(memory_format=torch.channels_last).eval()


def resize_films(films_BHW: Tensor, size: int) -> Tensor:
    """Float32 (b, size, size) in [0, 255] of films uint8 (b, h, w), antialiased where the size differs."""
    x = films_BHW.float()
    if x.shape[-2:] == (size, size):
        return x
    return F.interpolate(x[:, None], (size, size), mode="bilinear", antialias=True, align_corners=False)[:, 0]


def masked_bce(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean binary cross-entropy over the labels (b, findings) that are 0 or 1; -1 is left out."""
    known = labels >= 0
    losses = F.binary_cross_entropy_with_logits(logits, labels.clamp(min=0).float(), reduction="none")
    return (losses * known).sum() / known.sum().clamp(min=1)


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One epoch of `fit_classifier`.

    `model` is the averaged classifier so far. `state` is what goes on from here: tensors and numbers that
    `torch.load(weights_only=True)` takes, sharing memory with the run, so save it before asking for the next.
    """

    epoch: int  # epochs done
    loss: float
    films_per_second: float
    model: FindingClassifier
    state: dict[str, Any]


def fit_classifier(
    films: NDArray[np.uint8],  # (n, size, size)
    labels: NDArray[np.int8],  # (n, findings): 1, 0, or -1 which is left out of the loss
    *,
    epochs: int,
    seed: int,
    batch_size: int = 64,
    learning_rate: float = 2e-3,
    weight_decay: float = 0.02,
    ema_decay: float = 0.998,
    config: ClassifierConfig | None = None,
    state: dict[str, Any] | None = None,
    device: str = "cpu",
) -> Iterator[EpochRecord]:
    """Train a classifier and yield a record an epoch; the last record's `model` is the result.

    AdamW under a cosine with a short warm-up, autocast, augmented films, weights averaged. Fixed
    by `seed`; each epoch draws from its own stream, so that going on from a record's `state` gives the same
    weights.
    Raises InputError where films or labels do not fit the network, where nothing is labelled, and where the
    loss is not finite.
    """
    config = config or ClassifierConfig()
    if films.shape[1:] != (config.size, config.size) or labels.shape != (len(films), len(config.findings)):
        raise InputError(
            f"films {films.shape} and labels {labels.shape} do not fit a classifier of {config.size} pixels "
            f"and {len(config.findings)} findings"
        )
    if len(films) < 2:
        raise InputError(f"a classifier cannot be trained on {len(films)} films")
    if not (labels >= 0).any():
        raise InputError(
            "no film has a label", fix="Give a corpus whose reports or tables say what is there."
        )
    batch_size = min(batch_size, len(films))
    steps = len(films) // batch_size  # an epoch's remainder is drawn by the next epoch's order
    films_t, labels_t = torch.from_numpy(films), torch.from_numpy(labels)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = FindingClassifier(config).to(memory_format=torch.channels_last).to(device)
    average = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True)
    done = 0
    if state is not None:
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        done = int(state["epoch"])

    warmup, total = max(1, min(200, epochs * steps // 10)), epochs * steps
    for epoch in range(done, epochs):
        started, losses = time.perf_counter(), 0.0
        generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
        order = torch.randperm(len(films), generator=generator)
        model.train()
        for step in range(steps):
            at = epoch * steps + step
            rate = min((at + 1) / warmup, 0.5 + 0.5 * math.cos(math.pi * at / total))
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * rate
            rows = order[step * batch_size : (step + 1) * batch_size]
            batch = augment_films(films_t[rows], generator).to(device)
            with autocast(torch.device(device)):
                logits = model(batch)
            loss = masked_bce(logits, labels_t[rows].to(device))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            _average(average, model, min(ema_decay, (1 + at) / (10 + at)))
            losses += loss.item()
        seconds = time.perf_counter() - started
        if not math.isfinite(losses):
            fix = "Choose a smaller learning rate, and a new output."
            raise InputError("the loss is not finite", f"epoch {epoch + 1}", fix)
        yield EpochRecord(
            epoch=epoch + 1,
            loss=losses / steps,
            films_per_second=steps * batch_size / seconds,
            model=average.eval(),
            state={
                "model": model.state_dict(),
                "average": average.state_dict(),
                "optimizer": optimizer.state_dict(),
                "epoch": epoch + 1,
            },
        )


@torch.no_grad()
def _average(average: nn.Module, model: nn.Module, decay: float) -> None:
    for mean, value in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)
