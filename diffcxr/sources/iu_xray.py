"""IU X-ray (Demner-Fushman et al., JAMIA 2016) as rows: Open-i's XML files or R2Gen's annotation.json."""

from __future__ import annotations

import gzip
import json
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from diffcxr.errors import InputError
from diffcxr.reports.labeler import label_sections
from diffcxr.reports.prompt import make_prompt
from diffcxr.reports.sections import split_sections
from diffcxr.sources.fields import split_of
from diffcxr.sources.files import Files
from diffcxr.sources.film import FilmError, read_film
from diffcxr.sources.openi import MAX_XML_BYTES, Study, StudyError, parse_study
from diffcxr.sources.row import Reject, Row

_FILM_SUFFIXES = (".png", ".jpg", ".jpeg")
_MAX_BYTES = 1 << 30  # of all reports together
_FIX = "source.root is a folder of Open-i XML files, their .tgz, or a folder with annotation.json."


def iu_xray_rows(files: Files) -> Iterator[Row | Reject]:
    """Yields a row a film, or a row a report where no films lie beside the reports; the rest are Rejects.

    `files` is a folder of Open-i XML files (films as <id>.png or .jpg anywhere below it), the .tgz archive of
    the XML files, or a folder with R2Gen's annotation.json (films below it or its images/). Rows are in the
    order of the file names, or of the annotation. `labels` are the labeler's over findings and impression;
    `patient_id` is the study's, for the set holds one study a patient. Raises InputError where none of these
    is there, or the archive or the annotation is damaged as a whole.
    """
    try:
        with files.open("") as file:
            if files.root.endswith(".json"):
                yield from _annotated_rows(files, file, films={})
            else:
                yield from _study_rows(files, _archived(file, files.root), films={})
        return
    except FileNotFoundError:
        paths = list(files.list())
    films = {path.lower(): path for path in paths if path.lower().endswith(_FILM_SUFFIXES)}
    annotation = next((path for path in paths if PurePosixPath(path).name == "annotation.json"), None)
    if annotation is not None:
        with files.open(annotation) as file:
            yield from _annotated_rows(files, file, films)
        return
    reports = [path for path in paths if path.lower().endswith(".xml")]
    if not reports:
        raise InputError("no IU X-ray reports", files.root, _FIX)
    yield from _study_rows(files, _stored(files, reports), films)


def _stored(files: Files, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        with files.open(path) as file:
            yield path, file.read(MAX_XML_BYTES + 1)


def _archived(file: BinaryIO, root: str) -> Iterator[tuple[str, bytes]]:
    """The archive's XML files by name; all are read before the first is given: damage shows at once."""
    found: list[tuple[str, bytes]] = []
    size = 0
    try:
        with tarfile.open(fileobj=file, mode="r:*") as archive:
            for member in archive:
                if member.isfile() and member.name.lower().endswith(".xml"):
                    reader = archive.extractfile(member)
                    found.append((member.name, reader.read(MAX_XML_BYTES + 1) if reader else b""))
                    size += len(found[-1][1])
                    if size > _MAX_BYTES:
                        raise InputError("the archive holds more than 1 GiB of reports", root, _FIX)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError("the archive is damaged", root, "Fetch it again.") from error
    if not found:
        raise InputError("no IU X-ray reports", root, _FIX)
    yield from sorted(found)


def _study_rows(
    files: Files, sources: Iterable[tuple[str, bytes]], films: dict[str, str]
) -> Iterator[Row | Reject]:
    by_name = {PurePosixPath(path).name.split(".")[0]: original for path, original in films.items()}
    seen: set[str] = set()
    for path, data in sources:
        try:
            study = parse_study(data)
        except StudyError as error:
            yield Reject(report_id=path, reason=error.reason)
            continue
        if study.report_id in seen:
            yield Reject(report_id=study.report_id, reason="duplicate id")
            continue
        seen.add(study.report_id)
        # "-1001" is the frontal film wherever a study has it; otherwise names tell nothing of the view
        names = sorted(study.films, key=lambda name: not name.endswith("-1001"))
        wanted = [by_name.get(name.lower(), name) for name in names] if films else []
        yield from _rows(files, study, wanted, split=None)


def _annotated_rows(files: Files, file: BinaryIO, films: dict[str, str]) -> Iterator[Row | Reject]:
    try:
        data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise ValueError("too large")
        splits = json.loads(data.decode("utf-8-sig"))
        entries = [(split, entry) for split in splits for entry in splits[split]]
    except (ValueError, TypeError, RecursionError, KeyError) as error:
        raise InputError(
            "not R2Gen's annotation.json", files.root, 'It is {"train": [...], "val": ...}.'
        ) from error
    seen: set[str] = set()
    for number, (split, entry) in enumerate(entries):
        fields = entry if isinstance(entry, dict) else {}
        report_id, report, paths = fields.get("id"), fields.get("report"), fields.get("image_path", [])
        if not isinstance(report_id, str | int) or not str(report_id) or not isinstance(report, str):
            yield Reject(report_id=f"{split}[{number}]", reason="no id or report")
            continue
        if str(report_id) in seen:
            yield Reject(report_id=str(report_id), reason="duplicate id")
            continue
        seen.add(str(report_id))
        sections = split_sections(report)
        named = [path for path in (paths if isinstance(paths, list) else [paths]) if isinstance(path, str)]
        wanted = (
            [films.get(f"images/{path}".lower(), films.get(path.lower(), path)) for path in named]
            if films
            else []
        )
        study = Study(str(report_id), sections.findings, sections.impression, tuple(named))
        yield from _rows(files, study, wanted, split=split_of(split))


def _rows(files: Files, study: Study, films: list[str], split: str | None) -> Iterator[Row | Reject]:
    text = make_prompt(study.findings, study.impression)
    if not text:
        yield Reject(report_id=study.report_id, reason="empty report")
        return
    labels = label_sections(study.findings, study.impression)
    for index, path in enumerate(films or [""]):
        try:
            image = read_film(files, path) if path else None
        except FilmError as error:
            yield Reject(report_id=study.report_id, sample_index=index, reason=error.reason)
            continue
        yield Row(
            report_id=study.report_id,
            sample_index=index,
            patient_id=study.report_id,
            text=text,
            findings=study.findings or None,
            impression=study.impression or None,
            labels=labels,
            split=split,
            image=image,
            image_path=path or None,
        )
