"""The hint: what a report says of each finding, and what is known of those that may be there, as one text."""

from __future__ import annotations

from diffcxr.denoiser.knowledge import KNOWLEDGE
from diffcxr.findings import NEGATIVE, POSITIVE, UNCERTAIN, FindingName, Labels

NOTHING_SAID = "Nothing is said of any finding."


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
