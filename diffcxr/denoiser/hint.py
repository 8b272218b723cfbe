"""The hint: what a report says of each finding, and what is known of those that may be there, as one text."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from diffcxr import reports
from diffcxr.denoiser import knowledge
from diffcxr.denoiser.knowledge import KNOWLEDGE
from diffcxr.findings import NEGATIVE, POSITIVE, UNCERTAIN, FindingName, Labels

NOTHING_SAID = "Nothing is said of any finding."


@cache
def hints_digest() -> str:
    """SHA-256 of the code that reads a report and words its hint: no model's files hold it."""
    files = [Path(__file__), Path(knowledge.__file__), *sorted(Path(*reports.__path__).glob("*.py"))]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def make_hint(labels: Labels) -> str:
    """The hint of a report's labels, to be read by the text encoder that reads the report.

    Knowledge of what is uncertain or present comes first, then the statements, present findings last: an
    encoder that keeps the end of a long text loses knowledge before what the report says.
    """
    absent, uncertain, present = (
        [finding for finding in KNOWLEDGE if labels[finding] == value]
        for value in (NEGATIVE, UNCERTAIN, POSITIVE)
    )
    known = [_describe(finding) for finding in (*uncertain, *present)]
    said = [f"There is no {finding.lower()}." for finding in absent]
    said += [_doubt(finding) for finding in uncertain]
    said += [f"There is {finding.lower()}." for finding in present]
    return " ".join([*known, *said]) or NOTHING_SAID


def _describe(finding: FindingName) -> str:
    entry = KNOWLEDGE[finding]
    return f"{finding.capitalize()} is {entry.definition}: {entry.signs}, {entry.place}."


def _doubt(finding: FindingName) -> str:
    return f"There may be {finding.lower()}, or instead {KNOWLEDGE[finding].confused_with}."
