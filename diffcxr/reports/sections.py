"""The sections of a free-text radiology report."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """A report's sections, verbatim but for outer white space; "" where the report has none."""

    findings: str = ""
    impression: str = ""
    indication: str = ""
    comparison: str = ""
    technique: str = ""
    examination: str = ""
    recommendation: str = ""
    addendum: str = ""


_NAMES: dict[str, str] = {
    "findings": (
        r"findings?(?: ?(?:and|/|&) ?(?:impressions?|conclusions?))?|report|description"
        r"|observations?|interpretation"
        r"|chest(?: findings)?|lungs? findings"
    ),
    "impression": (
        r"(?:final |overall |radiologic(?:al)? )?impressions?(?: ?(?:and|/|&) ?recommendations?)?"
        r"|conclusions?|opinion|summary|(?:final |wet )?(?:read|diagnosis)|assessment"
    ),
    "indication": (
        r"(?:clinical |medical |patient )?(?:indications?|history|information|data|context"
        r"|statement|question|details)"
        r"|(?:clinical )?(?:indications?|history) ?(?:and|/|&) ?(?:indications?|history)"
        r"|reason for (?:the |this )?(?:exam(?:ination)?|study|test)|symptoms?"
    ),
    "comparison": (
        r"comparisons?(?: (?:films?|stud(?:y|ies)|exams?|made|with))?|prior(?: stud(?:y|ies))?"
        r"|compared? (?:to|with)"
    ),
    "technique": r"techniques?|procedure(?: comments?)?|views?(?: obtained)?|method",
    "examination": (
        r"exam(?:ination)?|study|type of (?:exam(?:ination)?|study)|exam(?:ination)? type"
        r"|final report|report title"
    ),
    "recommendation": r"recommendations?|follow[- ]?up|notifications?|communications?",
    "addendum": r"(?:final )?addendum|addenda|correction",
}
_KNOWN = "|".join(f"(?P<{section}>{names})" for section, names in _NAMES.items())

# A known name heads a section at the start of a line, with a colon or dash, or capitalised and alone;
# inside a line only behind the end of a sentence and with a colon. Other capitals before a colon ("CHEST,
# TWO VIEWS:") head findings.
_HEADING = re.compile(
    r"(?:(?P<line>^[ \t]*(?:\d{1,2}[.)][ \t]*|[*_#]+[ \t]*)?)|(?<=[.!?:;])[ \t]+)"
    rf"(?:(?P<capital>(?-i:(?=[A-Z])))?(?:{_KNOWN}))[ \t]*[*_]*"
    r"(?::|(?(line)(?:(?<=[ \t])-[ \t]|(?(capital)$|(?!)))|(?!)))"
    r"|^[ \t]*(?P<views>(?-i:[A-Z][A-Z0-9 ,/()&-]{1,60}[A-Z0-9)]))[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


def split_sections(text: str) -> Sections:
    """`text`'s sections; text above the first heading is findings, or examination where findings are headed.

    A section that comes twice is joined with a line break. Where neither findings nor an impression is
    headed, the last paragraph is taken for them, as MIMIC-CXR's own section splitter does. Takes any text.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    parts: dict[str, list[str]] = {field.name: [] for field in fields(Sections)}
    headings = list(_headings(text))
    opening = text[: headings[0][1]] if headings else text
    for number, (section, _, end) in enumerate(headings):
        until = headings[number + 1][1] if number + 1 < len(headings) else len(text)
        parts[section].append(text[end:until])

    joined = {
        section: "\n".join(part.strip() for part in found if part.strip()) for section, found in parts.items()
    }
    place = "examination" if joined["findings"] else "findings"
    joined[place] = "\n".join(part for part in (opening.strip(), joined[place]) if part)
    if not joined["findings"] and not joined["impression"] and headings:
        section = headings[-1][0]
        *kept, last = _BLANK_LINE.split(joined[section])
        if kept or section == "examination":
            joined["findings"], joined[section] = last.strip(), "\n\n".join(kept).strip()
    return Sections(**joined)


def _headings(text: str) -> list[tuple[str, int, int]]:
    """(section, where its heading begins, where its text begins), in order."""
    found = []
    for match in _HEADING.finditer(text):
        section = next((name for name in _NAMES if match[name] is not None), "findings")
        found.append((section, match.start(), match.end()))
    return found
