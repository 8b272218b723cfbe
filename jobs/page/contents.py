"""What the page shows, decided from what was found; the templates only lay it out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import diffcxr
from cluster.corpus import Corpus
from jobs.page.caution import Caution, make_caution
from jobs.page.contact_sheet import Sheet, make_sheets
from jobs.page.downstream import DownstreamView, view_downstream
from jobs.page.evaluation import EvaluationView, view_evaluations
from jobs.page.filterings import FilteringView, view_filtering
from jobs.page.gallery import Gallery, make_galleries, strip
from jobs.page.glossary import terms
from jobs.page.runs import Runs
from jobs.page.settings import SettingsView, view_settings
from jobs.page.sweeps import SweepView, view_sweep
from jobs.page.tiles import Tile, make_tiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything the templates need."""

    title: str
    lede: str
    source: str
    version: str
    as_of: str
    caution: Caution
    tiles: tuple[Tile, ...]
    galleries: tuple[Gallery, ...]
    films_note: str
    evaluations: tuple[EvaluationView, ...]
    downstreams: tuple[DownstreamView, ...]
    sweeps: tuple[SweepView, ...]
    filterings: tuple[tuple[FilteringView, Sheet], ...]
    settings: tuple[SettingsView, ...]
    terms: tuple[tuple[str, str], ...]
    contents: tuple[tuple[str, str], ...]  # anchor, name
    strip: tuple[str, ...]


def make_page(runs: Runs, *, title: str, films: int, texts: bool, real: Corpus | None = None) -> Page:
    """The page of what was found.

    Args:
        films: reports shown for each generated corpus, and films for each part of a contact sheet or row.
        texts: whether reports' text may be shown.
        real: the corpus of the reports, where it does not lie below the runs.
    """
    corpora = (*runs.corpora, *((real,) if real is not None else ()))
    galleries = tuple(make_galleries(runs.generated, corpora, films, texts))
    scored = (*runs.evaluations, *runs.downstreams)
    made = tuple(run.corpus for run in runs.generated if run.corpus is not None)
    sheets = tuple(make_sheets(runs.filterings, (*corpora, *made), films))
    filtered = tuple(sheet.corpus for sheet in sheets if sheet.corpus is not None)
    scores = {found.name: found.scores for found in scored}
    parts = {
        "tiles": tuple(make_tiles(runs)),
        "galleries": galleries,
        "evaluations": view_evaluations(runs.evaluations, (*corpora, *made), films),
        "downstreams": tuple(view_downstream(found.label, found.scores) for found in runs.downstreams),
        "sweeps": tuple(view_sweep(sweep, scores) for sweep in runs.sweeps),
        "filterings": tuple(zip(map(view_filtering, runs.filterings), sheets, strict=True)),
        "settings": view_settings(runs.generated),
        "terms": tuple(terms([score for found in scored for score in found.scores])),
    }
    anchors = {
        "galleries": ("films", "Films"),
        "evaluations": ("metrics", "Measured"),
        "downstreams": ("downstream", "Training"),
        "sweeps": ("sweep", "Sweep"),
        "filterings": ("filter", "Filtered"),
        "settings": ("runs", "What was run"),
        "terms": ("reading", "How to read"),
    }
    beside = any(pair.real for gallery in galleries for pair in gallery.pairs)
    return Page(
        title=title,
        lede=" ".join(_lede(runs)),
        source=runs.source,
        version=diffcxr.__version__,
        as_of=f"{runs.newest:%Y-%m-%d}" if runs.newest else "",
        caution=make_caution(runs, (*corpora, *filtered)),
        films_note="Each synthetic film was made from the words under it alone."
        + (
            " The film on the left is the one that the report was written of; it was no input to the model."
            if beside
            else ""
        ),
        contents=tuple(anchor for name, anchor in anchors.items() if parts[name]),
        strip=strip(galleries),
        **parts,  # type: ignore[arg-type]
    )


def _lede(runs: Runs) -> Iterator[str]:
    films = sum(run.corpus.rows for run in runs.generated if run.corpus is not None)
    if films:
        yield f"{films:,} synthetic chest films, each made from a radiology report."
    filtered = sum(found.films for found in runs.filterings)
    if filtered:
        yield f"{filtered:,} films looked over for those that do not belong."
    unfinished = [run.label for run in runs.generated if run.corpus is None]
    if unfinished:
        yield f"Not finished: {', '.join(unfinished)}."
    if runs.evaluations or runs.downstreams:
        yield "Measured against real films, each figure with its interval and what it compares with."
