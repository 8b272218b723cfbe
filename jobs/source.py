"""Where a corpus's rows come from: which data set, where it lies, and what is taken of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from cluster.corpus import Corpus
from cluster.removed_films import Removed
from cluster.report_join import Reports
from cluster.source_files import source_digest, source_files
from cluster.storage import Storage
from cluster.union import union_items
from diffcxr.errors import InputError
from diffcxr.sources import hugging_face, webdataset
from diffcxr.sources.chexpert import chexpert_rows
from diffcxr.sources.files import Files
from diffcxr.sources.folder import folder_rows
from diffcxr.sources.hugging_face import ColumnNames, hugging_face_rows
from diffcxr.sources.iu_xray import iu_xray_rows
from diffcxr.sources.mimic_cxr import LabelSource, mimic_cxr_rows
from diffcxr.sources.nih_cxr14 import nih_cxr14_rows
from diffcxr.sources.path_pattern import PathPattern
from diffcxr.sources.row import Reject, Row
from diffcxr.sources.table import table_rows
from diffcxr.sources.webdataset import webdataset_rows
from jobs.options import option, required

LICENCES = {
    "phantom": "Apache-2.0",
    "iu_xray": "CC-BY-NC-ND-4.0",
    "mimic_cxr": "PhysioNet Credentialed Health Data License 1.5.0",
    "chexpert": "Stanford University School of Medicine CheXpert Dataset Research Use Agreement",
    "nih_cxr14": "unrestricted; attribution to the NIH Clinical Center",
    "table": "unknown",
    "folder": "unknown",
    "webdataset": "unknown",
    "huggingface": "unknown",
    "union": "",  # its corpora's
}
CREATORS = {
    "phantom": ["diffcxr"],
    "iu_xray": ["Indiana University"],
    "mimic_cxr": ["MIT Laboratory for Computational Physiology"],
    "chexpert": ["Stanford Machine Learning Group"],
    "nih_cxr14": ["NIH Clinical Center"],
}
_IMPORTED = ("table", "folder", "webdataset", "huggingface")
"""Sets that may be anyone's."""
_OPTIONS = {
    "pattern": ("folder", "webdataset", "huggingface"),
    "image_column": ("huggingface",),
    "text_column": ("huggingface",),
    "id_column": ("huggingface",),
    "reports": _IMPORTED,
    "synthetic": _IMPORTED,
}
"""The sources to which an option means something."""
_CARRIERS = {"webdataset": webdataset.SUFFIXES, "huggingface": hugging_face.SUFFIXES}
"""Files that hold images, and are read once."""


@dataclass(kw_only=True)
class SourceConfig:
    """Where rows come from."""

    name: str = required(help="which data set", choices=tuple(LICENCES))
    root: str | None = option(None, help="its folder, archive or file; phantom and union need none")
    corpora: list[str] = option([], help="union: URIs of the corpora to join, in this order")
    filter: str | None = option(
        None,
        help="union, of one corpus: URI of its finished train stage=filter, whose removed films are left out",
    )
    rows: int | None = option(None, help="how many rows; of a data set, the first ones", min=1)
    images: bool = option(True, help="with films; false keeps the reports only")
    labels: str = option("chexpert", help="mimic_cxr: whose labels", choices=get_args(LabelSource))
    pattern: str | None = option(
        None,
        help="folder, webdataset, huggingface: how to read a film's path without its suffix, "
        "e.g. {report_id}_{sample_index}; null: it is the report_id",
    )
    image_column: str | None = option(None, help="huggingface: the films' column; null: the only one")
    text_column: str | None = option(None, help="huggingface: the reports' column; null: text")
    id_column: str | None = option(None, help="huggingface: the report ids'; null: report_id, study_id or id")
    reports: str | None = option(
        None,
        help="table, folder, webdataset, huggingface: URI of the corpus from whose reports the films were "
        "generated; text, labels, patient and the rest come from there",
    )
    synthetic: bool = option(
        False, help="table, folder, webdataset, huggingface: the films are generated; so with source.reports"
    )
    seed: int = option(0, help="phantom: which world")
    artefacts: float = option(0.0, help="phantom: share of artefact films", min=0, max=1)
    size: int = option(128, help="phantom: side of a film in pixels", min=32, max=2048)


@dataclass(frozen=True, slots=True)
class Source:
    """A source that has been looked at: its files are there, and so are the corpora that it draws on."""

    config: SourceConfig
    files: Files | None  # None for phantom and union
    corpora: tuple[Corpus, ...]  # of a union
    removed: Removed | None  # from a union's one corpus
    reports: Corpus | None

    @classmethod
    def open(cls, config: SourceConfig, output: Storage) -> Source:
        """Raises InputError where the options do not go together, or something is not there."""
        for name, sources in _OPTIONS.items():
            if getattr(config, name) and config.name not in sources:
                fix = f"It is for source={', '.join(sources)}."
                raise InputError(f"source={config.name} does not take it", f"source.{name}", fix)
        if config.pattern is not None:
            PathPattern.parse(config.pattern)
        reports = None if config.reports is None else Corpus.open(config.reports)
        corpora = _corpora(config)
        removed = _removed(config, corpora)
        if any(corpus.storage == output for corpus in (*corpora, reports) if corpus is not None):
            raise InputError("output is one of the corpora", output.uri, "Choose a new output.")
        return cls(config, _files(config), corpora, removed, reports)

    @property
    def is_synthetic(self) -> bool:
        """Whether the source is said to hold no patient's film."""
        return self.config.synthetic or self.reports is not None

    @property
    def creators(self) -> Sequence[str]:
        return CREATORS.get(self.config.name, ["unknown"])

    def identity(self) -> dict[str, object]:
        """What decides the rows, as a run's record holds it."""
        config = self.config
        facts: dict[str, object] = {"source": config.name, "images": config.images}
        if self.corpora:
            facts |= {"corpora": [corpus.digest for corpus in self.corpora]}
            return facts | ({"removed": self.removed.digest} if self.removed is not None else {})
        if self.files is None:
            return facts | {"seed": config.seed, "artefacts": config.artefacts, "size": config.size}
        facts |= {"digest": source_digest(self.files, carriers=_CARRIERS.get(config.name, ()))}
        if config.name == "mimic_cxr":
            facts |= {"labels": config.labels}
        given = {name: getattr(config, name) for name in _OPTIONS if getattr(config, name)}
        return facts | given | ({"reports": self.reports.digest} if self.reports is not None else {})

    def provenance(self) -> dict[str, object]:
        """What the manifest says beside the identity."""
        facts: dict[str, object] = {"imported": True} if self.config.name in _IMPORTED else {}
        return facts | ({"synthetic": True} if self.is_synthetic else {})

    def items(self, start: int, workers: int) -> Iterator[Row | Reject]:
        """The rows and rejects from row `start` on, at most `source.rows` rows in all."""
        config = self.config
        if config.name == "phantom":
            from diffcxr.sources.phantom import phantom_rows

            rest = (config.rows or 0) - start
            yield from phantom_rows(
                rest, config.seed, config.images, config.artefacts, config.size, start=start, workers=workers
            )
            return
        if self.files is None:
            items = union_items(self.corpora, self.removed)
        else:
            items = _data_set_items(config, self.files)
        if self.reports is not None:
            items = Reports.of(self.reports).join(items)
        left = config.rows
        for item in items:
            if isinstance(item, Row):
                if left == 0:
                    return
                left = None if left is None else left - 1
                item = item if config.images else dataclasses.replace(item, image=None, image_path=None)
            yield item


def _files(config: SourceConfig) -> Files | None:
    if config.name == "phantom":
        if config.rows is None:
            raise InputError("missing", "source.rows", "Say how many rows, e.g. source.rows=1000.")
        return None
    if config.name == "union":
        return None
    if config.root is None:
        raise InputError("missing", "source.root", f"Say where the data set {config.name} lies.")
    return source_files(config.root)


def _corpora(config: SourceConfig) -> tuple[Corpus, ...]:
    if (config.name == "union") != bool(config.corpora):
        fix = "Say source=union source.corpora=[s3://bucket/one,s3://bucket/two]."
        raise InputError("source=union and source.corpora go together", "source.corpora", fix)
    return tuple(Corpus.open(uri) for uri in config.corpora)


def _removed(config: SourceConfig, corpora: Sequence[Corpus]) -> Removed | None:
    if config.filter is None:
        return None
    if len(corpora) != 1:
        fix = "Say source=union source.corpora=[URI], and join what is left of several by another union."
        raise InputError("a filter is of one corpus", "source.filter", fix)
    return Removed.read(Storage.at(config.filter), corpora[0])


def _data_set_items(config: SourceConfig, files: Files) -> Iterator[Row | Reject]:
    pattern = None if config.pattern is None else PathPattern.parse(config.pattern)
    if config.name == "mimic_cxr":
        return mimic_cxr_rows(files, cast(LabelSource, config.labels), config.images)
    if config.name == "chexpert":
        return chexpert_rows(files, config.images)
    if config.name == "nih_cxr14":
        return nih_cxr14_rows(files, config.images)
    if config.name == "iu_xray":
        return iu_xray_rows(files)
    if config.name == "folder":
        return folder_rows(files, pattern, config.images)
    if config.name == "webdataset":
        return webdataset_rows(files, pattern, config.images)
    if config.name == "huggingface":
        names = ColumnNames(image=config.image_column, text=config.text_column, report_id=config.id_column)
        return hugging_face_rows(files, names, pattern, config.images)
    return table_rows(files)
