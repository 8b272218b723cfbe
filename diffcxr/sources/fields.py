"""What a field of a table says of a film, in whichever of the sets' spellings; None where it says nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from diffcxr.findings import CHEXPERT_14, NEGATIVE, POSITIVE, UNCERTAIN, Labels
from diffcxr.sources.row import RejectedError

T = TypeVar("T")

_SPLITS = {"train": "train", "test": "test"} | dict.fromkeys(
    ("val", "valid", "validate", "validation", "dev"), "validate"
)
_SEXES = {"f": "F", "female": "F", "w": "F", "m": "M", "male": "M"}
_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_AGE = re.compile(r"(?P<count>[^YMWD]+)(?P<unit>[YMWD]?)")
_MAX_AGE = 130.0


def number_of(field: object) -> float | None:
    """The finite number that `field` is or writes."""
    try:
        number = float(str(field))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def label_of(field: object) -> int | None:
    """POSITIVE, NEGATIVE or UNCERTAIN, of 1, 0 and -1 in any way of writing them ("1.0"), or of a bool."""
    number = number_of(int(field) if isinstance(field, bool) else field)
    return int(number) if number in (POSITIVE, NEGATIVE, UNCERTAIN) else None


def age_of(field: str) -> float | None:
    """Years, of a plain number or of DICOM's way to write an age ("058Y", "011M"); 0 to 130."""
    written = _AGE.fullmatch(field.strip())
    count = number_of(written["count"]) if written else None
    if written is None or count is None:
        return None
    years = count * _YEARS[written["unit"] or "Y"]
    return years if 0 <= years <= _MAX_AGE else None


def sex_of(field: str) -> str | None:
    """F or M."""
    return _SEXES.get(field.strip().lower())


def split_of(field: str) -> str | None:
    """train, validate or test."""
    return _SPLITS.get(field.strip().lower())


def view_of(field: str) -> str | None:
    """PA, AP or LATERAL, of words like "AP Supine" and "LL"."""
    words = field.upper().replace("-", " ").replace("_", " ").split()
    if {"LATERAL", "LL", "LAT", "L"} & set(words):
        return "LATERAL"
    return next((word for word in words if word in ("PA", "AP")), None)


def valid(read: Callable[[str], T | None], field: str, kind: str) -> T | None:
    """`read(field)`, where a blank field is None.

    Raises RejectedError, "no valid <kind>", where the field is filled and yet says nothing.
    """
    value = read(field)
    if value is None and field.strip():
        raise RejectedError(f"no valid {kind}")
    return value


def labels_of(fields: Sequence[str]) -> Labels:
    """The labels of fields in the order of CHEXPERT_14, blank where a finding is not mentioned.

    Raises RejectedError, "no valid label".
    """
    return {name: valid(label_of, field, "label") for name, field in zip(CHEXPERT_14, fields, strict=True)}
