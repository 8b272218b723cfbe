"""Records of any origin as rows: a film in the record or beside it, its report, and what else it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from diffcxr.findings import CHEXPERT_14, FindingName, Labels
from diffcxr.reports.deidentification import remove_marks
from diffcxr.reports.labeler import label_report
from diffcxr.reports.prompt import make_prompt
from diffcxr.sources.fields import age_of, label_of, number_of, sex_of, split_of, view_of
from diffcxr.sources.files import Files
from diffcxr.sources.film import FilmError, check_film, read_film
from diffcxr.sources.records import Record
from diffcxr.sources.row import Reject, Row

COLUMNS = (
    "report_id",
    "sample_index",
    "patient_id",
    "text",
    "findings",
    "impression",
    "labels",
    "view",
    "sex",
    "age",
    "split",
)
"""What a record may say beside its `image` and columns of labels."""

ALIASES = {
    "report_id": ("study_id",),
    "patient_id": ("subject_id",),
    "text": ("report", "caption", "prompt"),
}
"""Other people's names of columns."""

_LABELS: dict[str, FindingName] = {name.lower().replace(" ", "_"): name for name in CHEXPERT_14} | {
    "effusion": "Pleural Effusion"  # NIH ChestX-ray14
}
_MAX_SAMPLE_INDEX = 2**31 - 1


def record_rows(records: Iterable[Record | Reject | str], files: Files) -> Iterator[Row | Reject]:
    """Yields a row a record, in their order; Rejects as they come, and for what is no record or no row.

    A record is COLUMNS, all optional; `image`, a path below the root, bytes, or {bytes, path}; and labels: a
    struct `labels`, or columns as `finding_of` knows them. Without a `report_id` it goes by the image's name,
    and without a `sample_index` films are counted within the report. Without labels the labeler reads
    findings and impression, else the text. Image bytes are kept verbatim.
    """
    seen: set[tuple[str, int]] = set()
    films: set[str] = set()
    counts: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        if isinstance(record, Reject):
            yield record
            continue
        if isinstance(record, str):
            yield Reject(report_id=f"row {number}", reason=record)
            continue
        path = _text(record, "image") if not isinstance(record.get("image"), dict | bytes) else ""
        report_id = _text(record, "report_id") or PurePosixPath(path).stem or f"row {number}"
        index = _sample_index(record, counts.get(report_id, 0))
        if index is None:
            yield Reject(report_id=report_id, reason="sample_index is no number")
        elif (report_id, index) in seen or path in films:
            yield Reject(report_id=report_id, sample_index=index, reason="duplicate id")
        else:
            seen.add((report_id, index))
            films.update({path} - {""})
            counts[report_id] = counts.get(report_id, 0) + 1
            yield _row(files, record, report_id, index, path)


def by_own_names(record: Record) -> Record:
    """The record with columns that bear one of ALIASES under their own names, where those are not taken."""
    found = {
        column: record[name]
        for column, names in ALIASES.items()
        for name in reversed(names)  # the first one wins
        if record.get(name) is not None
    }
    return found | {column: value for column, value in record.items() if value is not None}


def finding_of(column: str) -> FindingName | None:
    """The finding that a column of labels is of: named as CheXpert does, in any case, also behind `y_`."""
    return _LABELS.get(column.strip().lower().removeprefix("y_").replace(" ", "_"))


def _row(files: Files, record: Record, report_id: str, index: int, path: str) -> Row | Reject:
    findings, impression = _text(record, "findings"), _text(record, "impression")
    text = remove_marks(_text(record, "text")) or make_prompt(findings, impression)
    try:
        image, path = _film(files, record, path)
    except FilmError as error:
        return Reject(report_id=report_id, sample_index=index, reason=error.reason)
    if image is None and not text:
        return Reject(report_id=report_id, sample_index=index, reason="empty report")
    report = f"{findings}\n\n{impression}" if findings or impression else text
    return Row(
        report_id=report_id,
        sample_index=index,
        patient_id=_text(record, "patient_id") or None,
        text=text,
        findings=findings or None,
        impression=impression or None,
        labels=_labels(record) or (label_report(report) if text else None),
        view=view_of(_text(record, "view")),
        sex=sex_of(_text(record, "sex")),
        age=age_of(_text(record, "age")),
        split=split_of(_text(record, "split")),
        image=image,
        image_path=path or None,
    )


def _film(files: Files, record: Record, path: str) -> tuple[bytes | None, str]:
    """The film's bytes and path; bytes in the table itself come first."""
    value = record.get("image")
    carried = {"bytes": value, "path": None} if isinstance(value, bytes) else value
    if isinstance(carried, dict):
        path = str(carried.get("path") or "")
        data = carried.get("bytes")
        if isinstance(data, bytes):
            check_film(data)
            return data, path
    return (read_film(files, path), path) if path else (None, "")


def _labels(record: Record) -> Labels | None:
    """The record's labels; None where it has no label column or all of them are empty."""
    struct = record.get("labels")
    columns: Mapping[str, Any] = struct if isinstance(struct, dict) else record
    labels: Labels = dict.fromkeys(CHEXPERT_14)
    for column, value in columns.items():
        name = finding_of(column)
        label = label_of(value)
        if name and label is not None:
            labels[name] = label
    return labels if any(value is not None for value in labels.values()) else None


def _text(record: Record, column: str) -> str:
    value = record.get(column)
    if value is None or value != value or isinstance(value, dict | bytes | list):
        return ""
    if isinstance(value, float) and value.is_integer():  # a column of numbers with gaps: 50414267.0
        value = int(value)
    return str(value).strip()


def _sample_index(record: Record, default: int) -> int | None:
    if record.get("sample_index") in (None, ""):
        return default
    number = number_of(record["sample_index"])
    return (
        int(number)
        if number is not None and number.is_integer() and 0 <= number <= _MAX_SAMPLE_INDEX
        else None
    )
