"""The prompt of a row: a template over its columns, and what makes one unfit for any pipeline."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from diffcxr.errors import InputError
from diffcxr.reports.deidentification import remove_marks
from diffcxr.sources.report_text import MAX_BYTES

EMPTY_PROMPT = "empty prompt"
TOO_LARGE = "prompt too large"
CONTROL_CHARACTERS = "prompt has control characters"

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")  # white space is none; C1 stands in texts of Windows
_WORD = re.compile(r"[^\W_Xx]")  # of no mark but "[**Name**]": nearly every prompt has one at its beginning

PROMPT_COLUMNS = (
    "report_id",
    "patient_id",
    "text",
    "findings",
    "impression",
    "view",
    "sex",
    "age",
    "split",
)
"""What a template may name; `{text}` is the default template."""


@dataclass(frozen=True)
class PromptTemplate:
    """Text with column names in braces, e.g. "{view} chest radiograph. {impression}"; `{{` is a brace."""

    template: str

    def __post_init__(self) -> None:
        """Raises InputError for a template that is none, or names something else than a column."""
        fix = f"Columns: {', '.join(PROMPT_COLUMNS)}."
        try:
            parts = list(string.Formatter().parse(self.template))
        except ValueError as error:
            raise InputError(f"prompt is no template ({error})", "prompt", fix) from error
        # Bare names only: attributes and indices, which str.format also knows, are not for prompts.
        for _, name, spec, conversion in parts:
            if name is not None and (name not in PROMPT_COLUMNS or spec or conversion):
                raise InputError(f"prompt names no column: {{{name}}}", "prompt", fix)
        if all(name is None for _, name, _, _ in parts):
            raise InputError("prompt names no column, so all images would share it", "prompt", fix)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names, in their order."""
        named = {name for _, name, _, _ in string.Formatter().parse(self.template)}
        return tuple(column for column in PROMPT_COLUMNS if column in named)

    def render(self, row: Mapping[str, object]) -> str:
        """The row's prompt; a null is empty, and so is a prompt of nothing but white space."""
        values = {name: "" if row[name] is None else _shown(row[name]) for name in self.columns}
        return self.template.format_map(values).strip()


def prompt_fault(prompt: str) -> str | None:
    """Why no film can be made of a prompt; None where one can.

    It is empty where nothing but de-identification marks is in it, and too large beyond what a report may
    have when it is read (MAX_BYTES): texts that were run together, which would cost their worker its memory.
    """
    if len(prompt) > MAX_BYTES:
        return TOO_LARGE
    if _CONTROL.search(prompt):
        return CONTROL_CHARACTERS
    if "[**" not in prompt and _WORD.search(prompt):
        return None
    return None if any(map(str.isalnum, remove_marks(prompt))) else EMPTY_PROMPT


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
