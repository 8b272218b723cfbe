"""Stage `language`: report and film encoder together, so that a report's tokens say what is on its film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from diffcxr.findings import CHEXPERT_14, DIFFCXR_11
from diffcxr.language.film_encoder import FilmEncoder
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.training.autoencoder import to_unit
from diffcxr.training.text_states import TextStates

# Shapes: B films and reports, H x W pixels, K x D tokens.

_COLUMNS = [CHEXPERT_14.index(name) for name in DIFFCXR_11]


@dataclass(frozen=True, kw_only=True)
class LanguageLoss:
    """Matching films with reports, and reading the eleven findings off a report's tokens."""

    scale: float = 1 / 0.07  # of the cosines, fixed as in the released code
    findings: float = 1.0  # weight of the finding loss
    shift: int = 4  # pixels by which a film is moved at most: it is to be known by more than its frame


class LanguageStage:
    """Trains a report encoder and a film encoder on films (n, H, W), text states and labels (n, 14).

    Labels are 1, 0 and -1 (not counted). Source: Diff-CXR's adaptive vision-aware textual learning strategy:
    symmetric InfoNCE on the global token, and an 11-way binary cross-entropy. The latter is also on the mean
    of the concise tokens, which in the released form nothing but the denoiser would train.
    """

    def __init__(
        self,
        report_encoder: ReportEncoder,
        film_encoder: FilmEncoder,
        films: NDArray[np.uint8],
        texts: TextStates,
        labels: NDArray[np.int8],
        loss: LanguageLoss | None = None,
    ) -> None:
        self.report_encoder, self.film_encoder = report_encoder, film_encoder
        self.films, self.texts, self.labels = films, texts, labels[:, _COLUMNS]
        self.weights = loss or LanguageLoss()
        self.finding_head = nn.Linear(report_encoder.config.width, len(DIFFCXR_11))
        self.modules = nn.ModuleDict(
            {
                "report_encoder": report_encoder,
                "film_encoder": film_encoder,
                "finding_head": self.finding_head,
            }
        )

    def loss(self, step: int, batch_size: int, generator: torch.Generator) -> Tensor:
        rows = torch.randint(len(self.films), (batch_size,), generator=generator).numpy()
        device = self.finding_head.weight.device
        states_BLE, mask_BL = self.texts.batch(rows)
        report = self.report_encoder(states_BLE.to(device), mask_BL.to(device))
        films_B1HW = shift_films(to_unit(self.films[rows]), self.weights.shift, generator)
        film_BD = self.film_encoder(films_B1HW.to(device))
        labels = torch.from_numpy(self.labels[rows]).to(device)
        read = [report.whole, report.tokens.mean(dim=1)]
        finding_loss = torch.stack([masked_bce(self.finding_head(x), labels) for x in read]).mean()
        return info_nce(film_BD, report.whole, self.weights.scale) + self.weights.findings * finding_loss


def info_nce(film_BD: Tensor, report_BD: Tensor, scale: float) -> Tensor:
    """The mean cross-entropy of finding each film's report among B, and each report's film."""
    film_BD, report_BD = (F.normalize(x.float(), dim=-1) for x in (film_BD, report_BD))
    with torch.autocast(film_BD.device.type, enabled=False):  # which would round what tells neighbours apart
        cosines_BB = scale * film_BD @ report_BD.T
    own_B = torch.arange(len(film_BD), device=film_BD.device)
    return (F.cross_entropy(cosines_BB, own_B) + F.cross_entropy(cosines_BB.T, own_B)) / 2


def masked_bce(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean binary cross-entropy over the labels that are 0 or 1; -1 is left out."""
    counted = labels >= 0
    loss = F.binary_cross_entropy_with_logits(logits.float(), labels.clamp_min(0).float(), reduction="none")
    return (loss * counted).sum() / counted.sum().clamp_min(1)


def shift_films(films_B1HW: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Each film moved by up to `most` pixels either way, its border repeated. Never mirrored."""
    height, width = films_B1HW.shape[-2:]
    padded = F.pad(films_B1HW, (most,) * 4, mode="replicate")
    moves = torch.randint(2 * most + 1, (len(films_B1HW), 2), generator=generator).tolist()
    shifted = [film[:, y : y + height, x : x + width] for film, (y, x) in zip(padded, moves, strict=True)]
    return torch.stack(shifted)
