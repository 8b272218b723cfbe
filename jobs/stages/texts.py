"""Texts as the frozen text encoder reads them: minutes for a corpus, so they are kept on the node."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import torch
from numpy.typing import NDArray

from cluster.tensor_cache import cached_tensors
from cluster.training import worker_device
from diffcxr.findings import DIFFCXR_11, POSITIVE, Labels
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.language.text_encoder import WINDOW, TextEncoder
from diffcxr.precision import precision
from diffcxr.reports.labeler import label_report
from diffcxr.training.text_states import TextStates, encode_texts
from jobs.stages.relay import Relay

_BATCH = 64


def text_states(texts: list[str], encoder: TextEncoder, desc: str) -> TextStates:
    """States of a text encoder, from the node's cache where they are there."""
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()

    def encode() -> dict[str, torch.Tensor]:
        with Relay(total=len(texts), unit="text", desc=desc) as bar:
            made = encode_texts(encoder, texts, on_batch=bar.update, device=worker_device())
        return {
            "states": made.states,
            "starts": torch.from_numpy(made.starts),
            "which": torch.from_numpy(made.which),
        }

    device = worker_device().type
    key: dict[str, object] = {
        "texts": digest,
        "encoder": encoder.digest,
        "reading": f"{WINDOW}, transformers {version('transformers')}",
        "device": device,
        "precision": precision(device),
    }
    tensors = cached_tensors(key, encode)
    return TextStates(tensors["states"], tensors["starts"].numpy(), tensors["which"].numpy())


@torch.no_grad()
def context_tokens(report_encoder: ReportEncoder, texts: TextStates, desc: str) -> NDArray[np.float16]:
    """The concise tokens (n, K, D) of n texts."""
    rows, device = np.arange(len(texts.which)), report_encoder.device
    parts = []
    with Relay(total=len(rows), unit="text", desc=desc) as bar:
        for first in range(0, len(rows), _BATCH):
            states_BLE, mask_BL = texts.batch(rows[first : first + _BATCH])
            tokens_BKD = report_encoder(states_BLE.to(device), mask_BL.to(device)).tokens
            parts.append(tokens_BKD.half().cpu().numpy())
            bar.update(len(states_BLE))
    return np.concatenate(parts)


def read_labels(reports: Sequence[str]) -> list[Labels]:
    """What the labeler reads in each report."""
    labels = []
    with Relay(total=len(reports), unit="text", desc="label reports") as bar:
        for report in reports:
            labels.append(label_report(report))
            bar.update()
    return labels


def present_findings(labels: Sequence[Labels]) -> NDArray[np.bool_]:
    """Which of Diff-CXR's eleven findings (n, 11) n texts say are there."""
    return np.array([[said[finding] == POSITIVE for finding in DIFFCXR_11] for said in labels])
