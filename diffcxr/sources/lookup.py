"""A side table: what it says of a key, asked for while another table's rows are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from diffcxr.sources.records import Record
from diffcxr.sources.row import RejectedError


class Lookup:
    """Key -> the texts of some columns, in the table's spelling.

    Lines that say the same share one tuple, for in such tables most lines repeat another's labels or split.
    What is no record is passed over, so that its key is not there.
    """

    def __init__(self, name: str, records: Iterable[Record | str], key: str, columns: Sequence[str]) -> None:
        self._name = name
        self._lines: dict[str, tuple[str, ...] | None] = {}  # None where lines of one key differ
        shared: dict[tuple[str, ...], tuple[str, ...]] = {}
        for record in records:
            if isinstance(record, str):
                continue
            said = tuple(record[column] for column in columns)
            said = shared.setdefault(said, said)
            known = self._lines.setdefault(record[key], said)
            if known != said:
                self._lines[record[key]] = None

    def __getitem__(self, key: str) -> tuple[str, ...]:
        """Raises RejectedError where no line is the key's, or several that differ."""
        if key not in self._lines:
            raise RejectedError(f"not in the {self._name}")
        said = self._lines[key]
        if said is None:
            raise RejectedError(f"contradictory lines in the {self._name}")
        return said
