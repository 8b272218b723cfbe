"""The rows that Ray Data carries from the measurers: the evidence of slices, or the error that there was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster.evidence import Evidence
from cluster.evidence_tables import NO_TABLES, evidence_from, tables_of
from cluster.slice_rows import NO_ERROR, Row, error_columns, error_of
from diffcxr.errors import DiffCXRError

_NO_EVIDENCE = {"number": -1, "side": "", "films": 0, "unreadable": 0} | NO_TABLES


def evidence_row(found: tuple[int, str, Evidence] | DiffCXRError) -> Row:
    """The row of a slice's number, side and evidence."""
    if isinstance(found, DiffCXRError):
        return _NO_EVIDENCE | error_columns(found)
    number, side, evidence = found
    columns = {"number": number, "side": side, "films": evidence.films, "unreadable": evidence.unreadable}
    return NO_ERROR | columns | tables_of(evidence)


def evidence_of(row: Mapping[str, Any]) -> tuple[int, str, Evidence] | DiffCXRError:
    """What `evidence_row` was given, to the last bit; scored films are in one part."""
    if row["error"]:
        return error_of(row)
    return row["number"], row["side"], evidence_from(row, row["films"], row["unreadable"])
