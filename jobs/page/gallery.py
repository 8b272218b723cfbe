"""Films of a generated corpus beside their reports, and beside the real films of these where at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cluster.corpus import Corpus
from cluster.schema import rows_from_table
from diffcxr.findings import CHEXPERT_14, POSITIVE, UNCERTAIN, Labels
from diffcxr.sources.row import Row
from jobs.page.films import Film, film
from jobs.page.runs import Generated

_MOST_PAIRS = 96  # of the whole page: with two films of at most 40 kB each it stays below 12 MB
_MOST_SHARDS = 8  # of a corpus, read for the page
_MOST_TEXT = 1200  # characters of a report; a longer one is cut


@dataclass(frozen=True, slots=True)
class Pair:
    """One report with its films; `sections` are (heading, text), none where texts are withheld."""

    who: str
    sections: tuple[tuple[str, str], ...]
    positive: tuple[str, ...]
    uncertain: tuple[str, ...]
    synthetic: Film | None
    real: Film | None


@dataclass(frozen=True, slots=True)
class Gallery:
    """Some films of one generated corpus."""

    name: str
    real_name: str  # what the films beside are: "Real", or "Phantom"
    pairs: tuple[Pair, ...]
    note: str


def make_galleries(
    generated: Sequence[Generated], corpora: Sequence[Corpus], count: int, texts: bool
) -> Iterator[Gallery]:
    """A gallery of each finished corpus of `generated`, of `count` films or as many as the page can hold.

    Args:
        corpora: those at hand, for the films that the reports were written of.
        texts: whether the reports' text may be shown.
    """
    finished = [(run, run.corpus) for run in generated if run.corpus is not None and run.corpus.rows]
    count = min(count, max(1, _MOST_PAIRS // max(1, len(finished))))
    for run, corpus in finished[:_MOST_PAIRS] if count else []:
        yield _gallery(run.label, corpus, _parent(run, corpora), count, texts)


def _parent(run: Generated, corpora: Sequence[Corpus]) -> Corpus | None:
    """The corpus of a run's reports among those at hand, known by its digest."""
    return next((c for c in corpora if c.digest == run.record.pixels.get("corpus_digest")), None)


def _gallery(name: str, corpus: Corpus, real: Corpus | None, count: int, texts: bool) -> Gallery:
    rows = choose(_rows(corpus), count)
    is_phantom = real is not None and source_of(real) == "phantom"
    beside = _films_of({row.report_id for row in rows}, real) if real is not None else {}
    real_name = "Phantom" if is_phantom else "Real"
    pairs = tuple(_pair(row, beside.get(row.report_id), real_name, texts) for row in rows)
    note = f"{len(pairs)} of {corpus.rows:,} films, chosen by finding and never by looks."
    return Gallery(name, real_name, pairs, note)


def choose(rows: Iterator[Row], count: int) -> tuple[Row, ...]:
    """`count` rows, in their order: those that bring a finding not seen yet, then the earliest others."""
    kept: list[tuple[int, Row]] = []
    others: list[tuple[int, Row]] = []
    seen: set[str] = set()
    for number, row in enumerate(rows):
        new = set(_with(row.labels, POSITIVE)) - seen
        if new and len(kept) < count:
            kept.append((number, row))
            seen |= new
        elif len(others) < count:
            others.append((number, row))
        if len(kept) == count or (len(seen) == len(CHEXPERT_14) and len(kept) + len(others) >= count):
            break
    chosen = kept + others[: count - len(kept)]
    return tuple(row for _, row in sorted(chosen, key=lambda entry: entry[0]))


def source_of(corpus: Corpus) -> str:
    """The source that the manifest names, e.g. "phantom", "iu_xray"; "" where it names none."""
    provenance = corpus.manifest.get("provenance")
    source: Any = provenance.get("source", "") if isinstance(provenance, Mapping) else ""
    return str(source.get("name", "")) if isinstance(source, Mapping) else str(source)


def _rows(corpus: Corpus) -> Iterator[Row]:
    for number in range(min(len(corpus.shards), _MOST_SHARDS)):
        yield from rows_from_table(corpus.read(number))


def _films_of(wanted: set[str], corpus: Corpus) -> dict[str, bytes]:
    """The first film of each wanted study; they lie in the first shards, for generation keeps the order."""
    found: dict[str, bytes] = {}
    columns = ["report_id", "sample_index", "text", "image"]
    for number in range(min(len(corpus.shards), _MOST_SHARDS)):
        for row in rows_from_table(corpus.read(number, columns)):
            if row.report_id in wanted and row.sample_index == 0 and row.image:
                found[row.report_id] = row.image
        if len(found) == len(wanted):
            break
    return found


def _pair(row: Row, real: bytes | None, real_name: str, texts: bool) -> Pair:
    positive, uncertain = _with(row.labels, POSITIVE), _with(row.labels, UNCERTAIN)
    of = f"of report {row.report_id}: {', '.join(positive) or 'no finding labelled'}"
    return Pair(
        who=" · ".join(_who(row)),
        sections=_sections(row) if texts else (("", "The report's text is withheld."),),
        positive=positive,
        uncertain=uncertain,
        synthetic=film(row.image, f"Synthetic film {of}") if row.image else None,
        real=film(real, f"{real_name} film {of}") if real else None,
    )


def _who(row: Row) -> Iterator[str]:
    yield f"{row.report_id}" if row.sample_index == 0 else f"{row.report_id}, sample {row.sample_index}"
    if row.sex or row.age is not None:
        age = f"{row.age:.0f} years" if row.age is not None else ""
        yield ", ".join(part for part in ({"F": "female", "M": "male"}.get(row.sex or "", ""), age) if part)
    if row.view:
        yield row.view


def _sections(row: Row) -> tuple[tuple[str, str], ...]:
    named = (("Findings", row.findings), ("Impression", row.impression))
    sections = tuple((name, _cut(text)) for name, text in named if text and text.strip())
    return sections or (("", _cut(row.text)),)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT].rsplit(" ", 1)[0] + " …"


def _with(labels: Labels | None, value: int) -> tuple[str, ...]:
    return tuple(name for name, label in (labels or {}).items() if label == value)


def strip(galleries: Sequence[Gallery], count: int = 14) -> tuple[str, ...]:
    """Thumbnails of the first synthetic films, for decoration."""
    films = (pair.synthetic for gallery in galleries for pair in gallery.pairs if pair.synthetic)
    return tuple(one.small for one, _ in zip(films, range(count), strict=False))
