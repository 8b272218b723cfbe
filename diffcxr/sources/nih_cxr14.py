"""NIH ChestX-ray14 (Wang et al., CVPR 2017) as rows: films and text-mined labels, without reports."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14, NEGATIVE, POSITIVE, FindingName, Labels
from diffcxr.sources.fields import age_of, sex_of, view_of
from diffcxr.sources.files import Files
from diffcxr.sources.film import read_film
from diffcxr.sources.lookup import Lookup
from diffcxr.sources.records import Needs, Record, read_table
from diffcxr.sources.row import Reject, RejectedError, Row
from diffcxr.sources.studies import films_of, rows_by_study

FINDINGS: dict[str, FindingName | None] = {
    "Atelectasis": "Atelectasis",
    "Cardiomegaly": "Cardiomegaly",
    "Consolidation": "Consolidation",
    "Edema": "Edema",
    "Effusion": "Pleural Effusion",  # the set mines no other effusion
    "Infiltration": "Lung Opacity",  # where CheXpert's labeler and ours count "infiltrate"
    "Mass": "Lung Lesion",  # NIH parts masses from nodules, by size; CheXpert does not
    "Nodule": "Lung Lesion",
    "Pleural_Thickening": "Pleural Other",  # CheXpert's name for thickening, plaques and scars
    "Pneumonia": "Pneumonia",
    "Pneumothorax": "Pneumothorax",
    "No Finding": "No Finding",
    "Emphysema": None,
    "Fibrosis": None,  # of the lung; CheXpert's Pleural Other is of the pleura
    "Hernia": None,
}
"""NIH's label -> CheXpert's; None where CheXpert has no such finding."""

_TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
_LISTS = {"train_val_list.txt": "train", "test_list.txt": "test"}
_NAME = re.compile(r"[0-9]{8}_[0-9]{3}\.png")
_PATIENT = re.compile(r"[0-9]{1,8}")
_SEX = ("Patient Gender", "Patient Sex")
_NEEDS: Needs = ("Image Index", "Finding Labels", "Patient ID", "Patient Age", "View Position", _SEX)
_FIX = "source.root is the folder that holds the set's label table and images/ or images_001/ and so on."


def nih_cxr14_rows(files: Files, images: bool = True) -> Iterator[Row | Reject]:
    """Yields a row a film of the label table, in its order; the rest are Rejects.

    The root holds `Data_Entry_2017_v2020.csv` or the older `Data_Entry_2017.csv` (plain or as .gz), films
    anywhere below folders whose names begin with `images`, and `train_val_list.txt` with `test_list.txt`,
    or neither: then `split` is null. The set's train_val is `train`. Each film is a study of its own, named
    as the film; `text` is "", for the reports were not published.

    `labels` are FINDINGS: 1 where the text miner found one, null where it found none, since it does not tell
    "absent" from "not mentioned". "No Finding" alone is 1 or 0: a film has it, or a finding, in CheXpert's
    list or not. Without `images`, no film is looked for. Raises InputError where a table is missing or
    damaged as a whole.
    """
    films = films_of(read_table(files, _TABLES, _NEEDS, _FIX), _film, "table")
    paths = {PurePosixPath(path).name: path for path in files.list("images")} if images else None
    return rows_by_study(films, partial(_row, files, paths, _splits(files)))


@dataclass(frozen=True, slots=True)
class _Film:
    name: str  # "00000001_000.png"
    patient_id: str
    view: str | None
    sex: str | None
    age: str
    labels: str  # as written: "Cardiomegaly|Emphysema"

    @property
    def report_id(self) -> str:
        return self.name.removesuffix(".png")


def _film(record: Record) -> _Film:
    name, patient = record["Image Index"], record["Patient ID"]
    if not (_NAME.fullmatch(name) and _PATIENT.fullmatch(patient)):
        raise RejectedError("no valid id")
    return _Film(
        name,
        patient_id=f"nih-{int(patient):08d}",
        view=view_of(record["View Position"]),
        sex=sex_of(next(record[column] for column in _SEX if column in record)),
        age=record["Patient Age"],
        labels=sys.intern(record["Finding Labels"]),
    )


def _row(files: Files, paths: dict[str, str] | None, splits: Lookup | None, film: _Film, index: int) -> Row:
    path = None if paths is None else paths.get(film.name, f"images/{film.name}")
    return Row(
        report_id=film.report_id,
        sample_index=index,
        patient_id=film.patient_id,
        text="",
        labels=_labels(film.labels),
        view=film.view,
        sex=film.sex,
        age=age_of(film.age),  # some of the 2017 table's are of centuries
        split=None if splits is None else splits[film.name][0],
        image=read_film(files, path) if path else None,
        image_path=path,
    )


def _labels(field: str) -> Labels:
    mined = field.split("|")
    if not set(mined) <= set(FINDINGS) or ("No Finding" in mined and len(mined) > 1):
        raise RejectedError("no valid label")
    labels: Labels = dict.fromkeys(CHEXPERT_14)
    labels["No Finding"] = NEGATIVE
    for name in mined:
        finding = FINDINGS[name]
        if finding is not None:
            labels[finding] = POSITIVE
    return labels


def _splits(files: Files) -> Lookup | None:
    """Image name -> split; None where the root holds neither list."""
    records: list[Record] = []
    missing = []
    for path, split in _LISTS.items():
        try:
            with files.open(path) as file:
                names = file.read().decode("ascii", errors="replace").split()
        except FileNotFoundError:
            missing.append(path)
        else:
            records += ({"name": name, "split": split} for name in names)
    if len(missing) == len(_LISTS):
        return None
    if missing:
        raise InputError(f"no {missing[0]}", files.root, "The two split lists come together.")
    return Lookup("split lists", records, "name", ["split"])
