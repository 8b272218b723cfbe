"""Any film set that comes as a table and a folder of images, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14, FindingName, Labels
from diffcxr.reports.deidentification import remove_marks
from diffcxr.reports.labeler import label_report
from diffcxr.reports.prompt import make_prompt
from diffcxr.sources.fields import age_of, label_of, number_of, sex_of, split_of, view_of
from diffcxr.sources.files import Files
from diffcxr.sources.film import FilmError, check_film, read_film
from diffcxr.sources.records import Needs, Record, read_csv, read_parquet
from diffcxr.sources.row import Reject, Row

_FIX = "source.root holds metadata.csv or metadata.parquet with a column `image` or `text`."
_NEEDS: Needs = [("image", "text", "findings", "impression")]
_LABELS: dict[str, FindingName] = {name.lower().replace(" ", "_"): name for name in CHEXPERT_14} | {
    "effusion": "Pleural Effusion"  # NIH ChestX-ray14
}
_MAX_SAMPLE_INDEX = 2**31 - 1


def table_rows(files: Files) -> Iterator[Row | Reject]:
    """Yields a row a line of the root's metadata.parquet or metadata.csv, in its order; the rest are Rejects.

    Columns, all but one of `image` and `text` optional: `image` (a path below the root; in Parquet also the
    bytes or {bytes, path}), `report_id` (else the image's name), `sample_index` (else counted within the
    report), `patient_id`, `text`, `findings`, `impression`, `view`, `sex`, `age`, `split`, and the labels: a
    struct `labels`, or columns named as CheXpert names them, in any case, also behind `y_`. Without label
    columns the labeler reads findings and impression, else the text. Other columns are ignored. Image bytes
    are kept verbatim. Raises InputError where there is no table, or one with neither images nor reports.
    """
    seen: set[tuple[str, int]] = set()
    films: set[str] = set()
    counts: dict[str, int] = {}
    for number, record in enumerate(_records(files), start=1):
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


def _records(files: Files) -> Iterator[Record | str]:
    for name, read in (("metadata.parquet", read_parquet), ("metadata.csv", read_csv)):
        try:
            file = files.open(name)
        except FileNotFoundError:
            continue
        with file:
            yield from read(file, f"{files.root}/{name}", _NEEDS)
        return
    raise InputError("no metadata.csv or metadata.parquet", files.root, _FIX)


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
        name = _LABELS.get(column.strip().lower().removeprefix("y_").replace(" ", "_"))
        label = label_of(value)
        if name and label is not None:
            labels[name] = label
    return labels if any(value is not None for value in labels.values()) else None


def _text(record: Record, column: str) -> str:
    value = record.get(column)
    return "" if value is None or isinstance(value, dict | bytes | list) else str(value).strip()


def _sample_index(record: Record, default: int) -> int | None:
    if record.get("sample_index") in (None, ""):
        return default
    number = number_of(record["sample_index"])
    return (
        int(number)
        if number is not None and number.is_integer() and 0 <= number <= _MAX_SAMPLE_INDEX
        else None
    )
