"""CheXpert v1.0 and v1.0-small (Irvin et al., AAAI 2019) as rows: films and labels, without reports."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from diffcxr.findings import CHEXPERT_14
from diffcxr.sources.fields import age_of, labels_of, sex_of
from diffcxr.sources.files import Files
from diffcxr.sources.film import read_film
from diffcxr.sources.records import Record, read_table
from diffcxr.sources.row import Reject, RejectedError, Row
from diffcxr.sources.studies import films_of, rows_by_study

_SPLITS = {"train": "train", "valid": "validate"}
# The tables write the set's own folder before it: "CheXpert-v1.0-small/train/patient00001/study1/view1_..."
_PATH = re.compile(
    r"(?:[^/]+/)?(?P<name>(?:train|valid)/(?P<study>(?P<patient>patient[0-9]+)/study[0-9]+)/[\w.-]+)"
)
_KEPT = ("Sex", "Age", *CHEXPERT_14)
_NEEDS = ("Path", "Frontal/Lateral", "AP/PA", *_KEPT)
_FIX = "source.root is the folder that holds CheXpert's train.csv, valid.csv, train/ and valid/."


def chexpert_rows(files: Files, images: bool = True) -> Iterator[Row | Reject]:
    """Yields a row a film of `train.csv`, then of `valid.csv`, study by study; the rest are Rejects.

    The root holds both tables (plain or as .gz) and their folders `train/` and `valid/`. A study is
    "patient00001/study1", for CheXpert counts studies anew for each patient. `text` is "": the set holds no
    reports. Labels are the tables': of train those of CheXpert's labeler, of valid the radiologists'. Without
    `images`, no film is looked for. Raises InputError where a table is missing or damaged as a whole.
    """
    return rows_by_study(_films(files), partial(_row, files, images))


@dataclass(frozen=True, slots=True)
class _Film:
    report_id: str  # "patient00001/study1"
    patient_id: str
    name: str  # its path below the root
    view: str | None
    split: str
    kept: tuple[str, ...]  # the fields of _KEPT as written; few texts stand in them, and each is held once


def _films(files: Files) -> Iterator[_Film | Reject]:
    for table, split in _SPLITS.items():
        records = read_table(files, [f"{table}.csv"], _NEEDS, _FIX)
        yield from films_of(records, partial(_film, split), table)


def _film(split: str, record: Record) -> _Film:
    path = _PATH.fullmatch(record["Path"])
    if path is None:
        raise RejectedError("no valid path")
    kept = tuple(sys.intern(record[column]) for column in _KEPT)
    return _Film(path["study"], path["patient"], path["name"], _view(record), split, kept)


def _view(record: Record) -> str | None:
    if record["Frontal/Lateral"] == "Lateral":
        return "LATERAL"
    # a few frontal films are marked LL or RL, which is no frontal projection
    return record["AP/PA"] if record["AP/PA"] in ("AP", "PA") else None


def _row(files: Files, images: bool, film: _Film, index: int) -> Row:
    sex, age, *labels = film.kept
    return Row(
        report_id=film.report_id,
        sample_index=index,
        patient_id=film.patient_id,
        text="",
        labels=labels_of(labels),
        view=film.view,
        sex=sex_of(sex),
        age=age_of(age),
        split=film.split,
        image=read_film(files, film.name) if images else None,
        image_path=film.name if images else None,
    )
