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


_S = r"(?:s|\(s\))?"
_STUDY = r"(?:the |this )?(?:exam(?:ination)?|study|test|order|visit|consult(?:ation)?|film|x-?ray)"

_NAMES: dict[str, str] = {
    "findings": (
        rf"finding{_S}(?: ?(?:and|/|&) ?(?:impressions?|conclusions?))?|report|description"
        r"|observations?|interpretation"
        r"|chest(?: findings)?|lungs? findings"
    ),
    "impression": (
        rf"(?:final |overall |radiologic(?:al)? )?impression{_S}(?: ?(?:and|/|&) ?recommendation{_S})?"
        r"|conclusions?|opinion|summary|(?:final |wet ?)?read"
        r"|(?:final |radiologic(?:al)? |radiographic )?diagnos[ie]s|assessment"
    ),
    "indication": (
        rf"(?:clinical |medical |patient |radiographic |study |exam )?(?:indication{_S}|history|information"
        rf"|data|context|statement|question|details|reason)(?: for {_STUDY})?"
        r"|(?:clinical )?(?:indications?|history) ?(?:and|/|&) ?(?:indications?|history)"
        r"|(?:admitting|admission|clinical|provisional|working|referring|(?:pre|post)-?operative)"
        r" diagnos[ie]s|clinical impression|symptoms?"
    ),
    "comparison": (
        rf"comparison{_S}(?: (?:films?|stud(?:y|ies)|exams?|made|with))?|prior(?: stud(?:y|ies))?"
        r"|compared? (?:to|with)"
    ),
    "technique": r"techniques?|procedure(?: comments?)?|views?(?: obtained)?|method",
    "examination": (
        r"exam(?:ination)?|study|type of (?:exam(?:ination)?|study)|exam(?:ination)? type"
        r"|final report|report title"
    ),
    "recommendation": rf"recommendation{_S}|follow[- ]?up|notifications?|communications?",
    "addendum": r"(?:final )?addendum|addenda|correction",
}
_KNOWN = "|".join(f"(?P<{section}>{names})" for section, names in _NAMES.items())

# A known name heads a section at the start of a line, with a colon or dash, or capitalised and alone;
# inside a line only behind the end of a sentence and with a colon. Other capitals before a colon may head
# one too, but not a time's ("PORTABLE AT 10:23").
_HEADING = re.compile(
    r"(?:(?P<line>^[ \t]*(?:\d{1,2}[.)][ \t]*|[*_#]+[ \t]*)?)|(?<=[.!?:;])[ \t]+)"
    rf"(?:(?P<capital>(?-i:(?=[A-Z])))?(?:{_KNOWN}))[ \t]*[*_]*"
    r"(?::|(?(line)(?:(?<=[ \t])-[ \t]|(?(capital)$|(?!)))|(?!)))"
    r"|^[ \t]*(?P<capitals>(?-i:[A-Z][A-Z0-9 ,/()&-]{1,60}[A-Z0-9)]))[ \t]*:(?!\d)",
    re.IGNORECASE | re.MULTILINE,
)
# What other capitals head, by a word in them: "RADIOLOGY INDICATION FOR STUDY:", "DATE OF EXAM:".
_TELLING = re.compile(
    r"\b(?:(?P<findings>FINDINGS?)|(?P<impression>IMPRESSIONS?)|(?P<recommendation>RECOMMENDATIONS?)"
    r"|(?P<indication>INDICATIONS?|REASONS?|HISTORY|(?<!DIFFERENTIAL )DIAGNOS[IE]S)"
    r"|(?P<comparison>COMPARISONS?|REFERENCE EXAM(?:INATION)?)|(?P<examination>DATE))\b"
)
# "CHEST, TWO VIEWS:" names the film, and heads what is found on it.
_FILM = re.compile(
    r"\b(?:CHEST(?! (?:TUBE|WALL))|PORTABLE|VIEWS?|FILMS?|RADIOGRAPHS?|X-?RAYS?"
    r"|(?:PA|AP|FRONTAL|UPRIGHT|SUPINE) AND)\b"
)
# Who read a film first, and when: "WET READ: ___ SUN 10:23 PM".
_STAMP = re.compile(
    r"(?:[\s_\d/.,-]|\[\*\*[^\n*]{0,100}\*\*\]|(?!NO\b)[A-Z]{2,4}\b)*?"
    r"\b\d{1,2}:\d{2}\b(?:[ \t]*(?i:[ap]\.?m\b)\.?)?"
)
_READ = ("findings", "impression")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


def split_sections(text: str) -> Sections:
    """`text`'s sections; text above the first heading is findings, or examination where findings are headed.

    A section that comes twice is joined with a line break. Where neither findings nor an impression is
    headed, the last paragraph is taken for them, as MIMIC-CXR's own section splitter does. Capitals that name
    an organ or a finding ("HEART:") head nothing among findings or in an impression, and elsewhere begin the
    findings; their words stay in the text. The name and time of a wet read do not. Takes any text.
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
    found: list[tuple[str, int, int]] = []
    for match in _HEADING.finditer(text):
        capitals, begins = match["capitals"], match.end()
        if capitals is None:
            section = next(name for name in _NAMES if match[name] is not None)
            stamp = _STAMP.match(text, begins) if "wet" in match[0].lower() else None
            begins = stamp.end() if stamp else begins
        elif telling := _TELLING.search(capitals):
            section = str(telling.lastgroup)
        elif _FILM.search(capitals) and not (found and found[-1][0] in _READ):
            section = "findings"
        elif found and found[-1][0] not in _READ:
            section, begins = "findings", match.start("capitals")  # its words say what it tells of: "HEART:"
        else:
            continue
        found.append((section, match.start(), begins))
    return found
