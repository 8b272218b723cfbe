"""A row is a film with its report; a reject is one that could not become a row, and why."""

from __future__ import annotations

from dataclasses import dataclass

from diffcxr.findings import Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One film (or one report, where there is no film); fields are the corpus columns."""

    report_id: str  # the study
    sample_index: int = 0  # which film of the study, frontal first
    patient_id: str | None = None
    text: str  # the prompt, as the model is given it
    findings: str | None = None  # the report's section, verbatim
    impression: str | None = None
    labels: Labels | None = None
    view: str | None = None  # PA, AP, LATERAL
    sex: str | None = None  # F, M
    age: float | None = None  # years
    split: str | None = None  # train, validate, test
    image: bytes | None = None  # PNG, JPEG or WebP, verbatim
    image_path: str | None = None
    seed: int | None = None  # generated rows: the sample's own noise seed
    truth: str | None = None  # phantom rows: the drawn study as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """An input that was counted and left out; `reason` is a short fixed phrase without report text."""

    report_id: str
    sample_index: int = 0
    reason: str


class RejectedError(ValueError):
    """An input that cannot become a row; `reason` is its Reject's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
