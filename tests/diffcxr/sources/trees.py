"""Small data sets in the exact layouts of the real ones; every sentence and number in them is invented."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from diffcxr.findings import CHEXPERT_14

Line = dict[str, str]


def film(grey: int = 90, kind: str = "PNG", size: tuple[int, int] = (8, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", size, grey).save(buffer, kind)
    return buffer.getvalue()


def write_csv(path: Path, records: Sequence[Line], encoding: str = "utf-8") -> None:
    """The records as a table; gzipped where the name ends so."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    data = text.getvalue().encode(encoding)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def write(path: Path, data: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def stated(**labels: str) -> Line:
    """Label columns, blank where not given; an underscore is a space."""
    return dict.fromkeys(sorted(CHEXPERT_14), "") | {k.replace("_", " "): v for k, v in labels.items()}


MIMIC_FILMS = [  # subject, study, dicom_id, ViewPosition, split
    ("10000001", "50000011", "aa000000-00000000-00000000-00000000-00000001", "LATERAL", "train"),
    ("10000001", "50000011", "bb000000-00000000-00000000-00000000-00000002", "PA", "train"),
    ("10000001", "50000012", "cc000000-00000000-00000000-00000000-00000003", "AP", "train"),
    ("11000002", "50000021", "dd000000-00000000-00000000-00000000-00000004", "LL", "validate"),
    ("11000002", "50000021", "ee000000-00000000-00000000-00000000-00000005", "", "validate"),
]
MIMIC_REPORT = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___F with hiccups after ___.

 FINDINGS:

 Compared with ___, a coin-sized nodule sits
 above the left nipple line.

 IMPRESSION:

 Nodule of study {study}.
"""


def mimic_metadata() -> list[Line]:
    return [
        {
            "dicom_id": name,
            "subject_id": subject,
            "study_id": study,
            "PerformedProcedureStepDescription": "CHEST (PA AND LAT)",
            "ViewPosition": view,
            "Rows": "8",
            "Columns": "8",
            "StudyDate": "21800101",
            "StudyTime": "120000.5",
        }
        for subject, study, name, view, _ in MIMIC_FILMS
    ]


def mimic_splits() -> list[Line]:
    return [
        {"dicom_id": name, "study_id": study, "subject_id": subject, "split": split}
        for subject, study, name, _, split in MIMIC_FILMS
    ]


def mimic_labels(lesion: str = "1.0") -> list[Line]:
    studies = dict.fromkeys((subject, study) for subject, study, *_ in MIMIC_FILMS)
    labels = stated(Lung_Lesion=lesion, Pneumothorax="-1.0", Edema="0.0")
    return [{"subject_id": subject, "study_id": study} | labels for subject, study in studies]


def mimic_folder(subject: str, study: str) -> str:
    return f"p{subject[:2]}/p{subject}/s{study}"


def mimic_tree(root: Path, suffix: str = ".gz", reports: str = "mimic-cxr-reports/files") -> Path:
    """MIMIC-CXR-JPG 2.x; `reports` is their folder, or the .zip that holds them."""
    tables = {
        "metadata": mimic_metadata(),
        "split": mimic_splits(),
        "chexpert": mimic_labels(),
        "negbio": mimic_labels(lesion="-1.0"),
    }
    for name, records in tables.items():
        write_csv(root / f"mimic-cxr-2.0.0-{name}.csv{suffix}", records)
    texts = {}
    for number, (subject, study, name, *_) in enumerate(MIMIC_FILMS):
        folder = mimic_folder(subject, study)
        write(root / "files" / folder / f"{name}.jpg", film(number, "JPEG"))
        texts[f"{folder}.txt"] = MIMIC_REPORT.format(study=study)
    if reports.endswith(".zip"):
        with zipfile.ZipFile(root / reports, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, text in texts.items():
                archive.writestr(f"files/{path}", text)
    else:
        for path, text in texts.items():
            write(root / reports / path, text)
    return root


CHEXPERT_FILMS = [  # path, Sex, Age, Frontal/Lateral, AP/PA, labels
    ("train/patient00001/study1/view1_frontal.jpg", "Female", "68", "Frontal", "AP", {"Edema": "1.0"}),
    ("train/patient00002/study1/view1_lateral.jpg", "Male", "40", "Lateral", "", {"Fracture": "-1.0"}),
    ("train/patient00002/study1/view2_frontal.jpg", "Male", "40", "Frontal", "PA", {"Fracture": "-1.0"}),
    ("train/patient00002/study2/view1_frontal.jpg", "Unknown", "", "Frontal", "LL", {}),
    ("valid/patient64541/study1/view1_frontal.jpg", "Male", "73", "Frontal", "AP", {"No_Finding": "0.0"}),
]


def chexpert_lines(table: str) -> list[Line]:
    return [
        {
            "Path": f"CheXpert-v1.0-small/{path}",
            "Sex": sex,
            "Age": age,
            "Frontal/Lateral": side,
            "AP/PA": view,
        }
        | stated(**labels)
        for path, sex, age, side, view, labels in CHEXPERT_FILMS
        if path.startswith(table)
    ]


def chexpert_tree(root: Path) -> Path:
    for table in ("train", "valid"):
        write_csv(root / f"{table}.csv", chexpert_lines(table))
    for number, (path, *_) in enumerate(CHEXPERT_FILMS):
        write(root / path, film(number, "JPEG"))
    return root


NIH_FILMS = [  # name, Finding Labels, Patient ID, age, sex, view
    ("00000001_000.png", "Cardiomegaly|Emphysema", "1", "058Y", "M", "PA"),
    ("00000001_001.png", "No Finding", "1", "59", "M", "AP"),
    ("00000002_000.png", "Mass|Nodule|Effusion", "2", "006M", "F", "PA"),
    ("00000003_000.png", "Hernia", "3", "080Y", "F", "AP"),
]


def nih_lines(sex_column: str = "Patient Gender") -> list[Line]:
    return [
        {
            "Image Index": name,
            "Finding Labels": labels,
            "Follow-up #": "0",
            "Patient ID": patient,
            "Patient Age": age,
            sex_column: sex,
            "View Position": view,
            "OriginalImage[Width": "2682",  # the published header is not quoted
            "Height]": "2749",
            "OriginalImagePixelSpacing[x": "0.143",
            "y]": "0.143",
            "": "",  # each line of the older table ends in a comma
        }
        for name, labels, patient, age, sex, view in NIH_FILMS
    ]


def nih_tree(root: Path, table: str = "Data_Entry_2017_v2020.csv", folder: str = "images") -> Path:
    write_csv(root / table, nih_lines())
    for number, (name, *_) in enumerate(NIH_FILMS):
        write(root / folder / name, film(number))
    names = [name for name, *_ in NIH_FILMS]
    write(root / "train_val_list.txt", "\n".join(names[:2]))
    write(root / "test_list.txt", "\r\n".join(names[2:]) + "\r\n")
    return root
