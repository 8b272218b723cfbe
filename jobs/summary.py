"""A summary: what a job says when it ends, to the screen and to `summary.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The end of a job. Neither `values` nor `table` may hold report text or a secret."""

    values: dict[str, Any]  # what summary.json holds: anything that JSON can say
    table: Sequence[Sequence[object]] = field(default_factory=list)  # rows for the screen; none: `values`
    exit_code: int = 0
    output: str | None = None  # where summary.json goes; None: nowhere
    note: str = ""  # one line for standard error: why the exit code is not 0, and what to do

    def encode(self) -> bytes:
        """`summary.json`, sorted and indented."""
        return (json.dumps(self.values, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()

    def render(self) -> str:
        """The table as aligned plain text, numbers to the right."""
        rows = self.table or list(self.values.items())
        columns = max((len(row) for row in rows), default=0)
        widths = [max(len(_cell(row[c])) for row in rows if c < len(row)) for c in range(columns)]
        lines = []
        for row in rows:
            cells = [
                _cell(value).rjust(width) if isinstance(value, int | float) else _cell(value).ljust(width)
                for value, width in zip(row, widths, strict=False)
            ]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)


def clock(seconds: float | None) -> str:
    """Hours, minutes and seconds, for a table."""
    if seconds is None:
        return "unknown"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return "" if value is None else str(value)
