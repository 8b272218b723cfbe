"""One study of the Open-i collection of Indiana University (IU X-ray), from its XML."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from diffcxr.sources.row import RejectedError

MAX_XML_BYTES = 1 << 20  # the set's files have 3 to 10 kB

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*encoding=["']([A-Za-z0-9._-]+)["']""")


class StudyError(RejectedError):
    """A file that holds no usable study."""


@dataclass(frozen=True, slots=True)
class Study:
    """A report and the names of its films, in the file's order."""

    report_id: str  # e.g. "CXR17"
    findings: str
    impression: str
    films: tuple[str, ...]  # e.g. "CXR17_IM-0001-1001", without a suffix


class _TreeWithoutEntities(ElementTree.TreeBuilder):
    """Refuses any document type: entities are declared there, and those that expand without end too."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise StudyError("damaged XML")


def parse_study(data: bytes) -> Study:
    """The study in an Open-i XML file; sections are verbatim, "" where there are none.

    Raises StudyError: too large, damaged, in another encoding than it says, or without an id.
    """
    if len(data) > MAX_XML_BYTES:
        raise StudyError("too large")
    parser = ElementTree.XMLParser(target=_TreeWithoutEntities())
    try:
        root = ElementTree.fromstring(data, parser)
    except StudyError:
        raise
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise StudyError("damaged XML" if _decodes(data) else "wrong encoding") from error
    identifier = root.find(".//uId")
    report_id = identifier.get("id", "").strip() if identifier is not None else ""
    if not report_id:
        raise StudyError("no report id")
    films = [image.get("id", "").strip() for image in root.iter("parentImage")]
    return Study(
        report_id,
        _section(root, "FINDINGS"),
        _section(root, "IMPRESSION"),
        tuple(dict.fromkeys(name for name in films if name)),
    )


def _section(root: ElementTree.Element, label: str) -> str:
    texts = (
        "".join(e.itertext()).strip()
        for e in root.iter("AbstractText")
        if e.get("Label", "").upper() == label
    )
    return "\n".join(text for text in texts if text)


def _decodes(data: bytes) -> bool:
    declared = _DECLARED.match(data)
    encoding = (
        declared[1].decode("ascii")
        if declared
        else "utf-16"
        if data[:2] in (b"\xff\xfe", b"\xfe\xff")
        else "utf-8"
    )
    try:
        data.decode(encoding)
    except (LookupError, UnicodeDecodeError):
        return False
    return True
