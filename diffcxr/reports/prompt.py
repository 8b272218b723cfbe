"""The prompt: what a model is told about the film."""

from __future__ import annotations

from diffcxr.reports.deidentification import remove_marks


def make_prompt(findings: str | None, impression: str | None) -> str:
    """Findings, then impression, on one line without de-identification marks; "" where both are empty.

    Each section ends with punctuation, so that two sections never run into one sentence.
    """
    sections = (remove_marks(section or "") for section in (findings, impression))
    return " ".join(_closed(section) for section in sections if any(c.isalnum() for c in section))


def _closed(section: str) -> str:
    return section if section[-1] in ".!?:;,)" else f"{section}."
