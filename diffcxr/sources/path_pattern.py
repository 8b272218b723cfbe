"""What a film's path says of it: `{report_id}_{sample_index}`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from diffcxr.errors import InputError

COLUMNS = ("report_id", "sample_index", "patient_id", "view", "sex", "age", "split")
_TOKEN = re.compile(r"\{(?P<column>[^{}]*)\}|(?P<any>\*)|(?P<text>[^{}*]+)|(?P<stray>.)")
_FIX = f"Write for example {{report_id}}_{{sample_index}}; columns are {', '.join(COLUMNS)}."


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A path without its suffix, with columns in braces; `*` is anything within a part of it.

    It is the end of a path: `{report_id}/*` reads `a/b/s1/0.png` as study s1.
    """

    expression: re.Pattern[str]

    @classmethod
    def parse(cls, pattern: str) -> PathPattern:
        """Raises InputError for a column that paths cannot tell, one named twice, or none at all."""
        parts, named = [], set()
        for token in _TOKEN.finditer(pattern):
            column = token["column"]
            if column is not None:
                if column not in COLUMNS or column in named:
                    what = "a column named twice" if column in named else f"no column {column!r}"
                    raise InputError(what, "source.pattern", _FIX)
                named.add(column)
                parts.append(f"(?P<{column}>{'[0-9]+' if column == 'sample_index' else '[^/]+'})")
            elif token["stray"]:
                raise InputError("a brace without its other one", "source.pattern", _FIX)
            else:
                parts.append("[^/]*" if token["any"] else re.escape(token["text"]))
        if not named:
            raise InputError("no column in it", "source.pattern", _FIX)
        return cls(re.compile(f"(?:.*/)?{''.join(parts)}", re.DOTALL))

    def read(self, path: str) -> dict[str, str] | None:
        """The columns of a path without its suffix; None where it does not fit."""
        found = self.expression.fullmatch(path)
        return None if found is None else found.groupdict()


def name_of(path: str) -> str:
    """The path without its last suffix."""
    return PurePosixPath(path).with_suffix("").as_posix() if PurePosixPath(path).name else path


def said_by(name: str, pattern: PathPattern | None) -> dict[str, str] | None:
    """What a film's name says: its columns; the name itself is the report's where they leave that out.

    None where it does not fit the pattern.
    """
    columns = {} if pattern is None else pattern.read(name)
    return None if columns is None else {"report_id": name} | columns
