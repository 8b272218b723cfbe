"""MIMIC-CXR-JPG 2.x (Johnson et al. 2019, arXiv 1901.07042) and the reports of MIMIC-CXR as rows."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14, Labels
from diffcxr.reports.labeler import label_sections
from diffcxr.reports.prompt import make_prompt
from diffcxr.reports.sections import Sections, split_sections
from diffcxr.sources.fields import labels_of, split_of, valid, view_of
from diffcxr.sources.files import ZIP_ERRORS, Files, ZippedFiles
from diffcxr.sources.film import read_film
from diffcxr.sources.lookup import Lookup
from diffcxr.sources.records import Record, read_table
from diffcxr.sources.row import Reject, RejectedError, Row
from diffcxr.sources.studies import films_by_study, films_of, rows_of

LabelSource = Literal["chexpert", "negbio", "labeler"]

MAX_REPORT_BYTES = 1 << 20  # the set's reports have 1 kB

_ARCHIVE = "mimic-cxr-reports.zip"
_FOLDERS = ("mimic-cxr-reports/files", "files")
_ID = re.compile(r"[0-9]{8}")
_NAME = re.compile(r"[0-9a-f-]+")
_FIX = "source.root is the folder that holds MIMIC-CXR-JPG's tables and files/."


def mimic_cxr_rows(
    files: Files, labels: LabelSource = "chexpert", images: bool = True
) -> Iterator[Row | Reject]:
    """Yields a row a film, study by study in the order of the metadata table; the rest are Rejects.

    The root holds `mimic-cxr-2.0.0-metadata.csv`, `-split.csv`, and `-chexpert.csv` or `-negbio.csv`, each
    plain or as .gz (2.1.0 kept these names); films as `files/p10/p10000032/s50414267/<dicom_id>.jpg`; and
    reports as `files/p10/p10000032/s50414267.txt`, in MIMIC-CXR's `mimic-cxr-reports.zip`, below
    `mimic-cxr-reports/`, or beside the films. Sex and age are in none of these. The tables are held, half a
    gigabyte for the whole set; films and reports are read one after another.

    Args:
        labels: whose they are: the table of CheXpert's or of NegBio's labeler, or this project's own labeler
            over findings and impression. The tables lack a few of the studies; their films are rejects.
        images: with films; without, no film is looked for.

    Raises InputError where a table is missing or damaged as a whole, or the archive is.
    """
    splits = Lookup("split table", _table(files, "split", ["dicom_id", "split"]), "dicom_id", ["split"])
    stated = None
    if labels != "labeler":
        table = _table(files, labels, ["study_id", *CHEXPERT_14])
        stated = Lookup("label table", table, "study_id", CHEXPERT_14)
    mimic = _Mimic(files, _report_places(files), splits, stated, images)
    columns = ["dicom_id", "subject_id", "study_id", "ViewPosition"]
    for study in films_by_study(films_of(_table(files, "metadata", columns), _film, "metadata")):
        if isinstance(study, Reject):
            yield study
        else:
            yield from mimic.rows(study)


@dataclass(frozen=True, slots=True)
class _Film:
    report_id: str  # "s50414267"
    patient_id: str  # "p10000032"
    name: str  # DICOM's id
    view: str | None

    @property
    def study_path(self) -> str:
        """Of the folder that holds the study's films, and of its report without .txt; below files/."""
        return f"{self.patient_id[:3]}/{self.patient_id}/{self.report_id}"


@dataclass(frozen=True, slots=True)
class _Mimic:
    files: Files
    report_places: Sequence[tuple[Files, str]]
    splits: Lookup
    stated: Lookup | None  # the labels of a table; None where the labeler is asked
    images: bool

    def rows(self, films: Sequence[_Film]) -> Iterator[Row | Reject]:
        """Rows of one study's films."""
        report_id = films[0].report_id
        try:
            report = self._report(films[0].study_path)
            labels = self._labels(report_id, report)
        except RejectedError as error:
            for index in range(len(films)):
                yield Reject(report_id=report_id, sample_index=index, reason=error.reason)
            return
        yield from rows_of(films, partial(self._row, report, labels))

    def _row(self, report: Sections, labels: Labels, film: _Film, index: int) -> Row:
        (split,) = self.splits[film.name]
        path = f"files/{film.study_path}/{film.name}.jpg"
        return Row(
            report_id=film.report_id,
            sample_index=index,
            patient_id=film.patient_id,
            text=make_prompt(report.findings, report.impression),
            findings=report.findings or None,
            impression=report.impression or None,
            labels=labels,
            view=film.view,
            split=valid(split_of, split, "split"),
            image=read_film(self.files, path) if self.images else None,
            image_path=path if self.images else None,
        )

    def _report(self, study_path: str) -> Sections:
        for files, place in self.report_places:
            try:
                with files.open(f"{place}/{study_path}.txt") as file:
                    data = file.read(MAX_REPORT_BYTES + 1)
            except FileNotFoundError:
                continue
            except ZIP_ERRORS as error:
                raise RejectedError("damaged report") from error
            return _sections(data)
        raise RejectedError("missing report")

    def _labels(self, report_id: str, report: Sections) -> Labels:
        if self.stated is None:
            return label_sections(report.findings, report.impression)
        return labels_of(self.stated[report_id.removeprefix("s")])


def _sections(data: bytes) -> Sections:
    if len(data) > MAX_REPORT_BYTES:
        raise RejectedError("too large")
    try:
        sections = split_sections(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RejectedError("wrong encoding") from error
    if not make_prompt(sections.findings, sections.impression):
        raise RejectedError("empty report")
    return sections


def _film(record: Record) -> _Film:
    subject, study, name = record["subject_id"], record["study_id"], record["dicom_id"]
    if not (_ID.fullmatch(subject) and _ID.fullmatch(study) and _NAME.fullmatch(name)):
        raise RejectedError("no valid id")
    return _Film(f"s{study}", f"p{subject}", name, view_of(record["ViewPosition"]))


def _table(files: Files, name: str, columns: Sequence[str]) -> Iterator[Record | str]:
    return read_table(files, [f"mimic-cxr-2.0.0-{name}.csv"], columns, _FIX)


def _report_places(files: Files) -> list[tuple[Files, str]]:
    """Where reports may lie, in the order in which they are looked for."""
    folders = [(files, folder) for folder in _FOLDERS]
    try:
        archive = files.open(_ARCHIVE)
    except FileNotFoundError:
        return folders
    where = f"{files.root}/{_ARCHIVE}"
    try:
        return [(ZippedFiles(archive, where), "files"), *folders]
    except zipfile.BadZipFile as error:
        raise InputError("the archive is damaged", where, "Fetch it again.") from error
