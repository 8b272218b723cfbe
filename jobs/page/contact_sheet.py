"""A contact sheet of a filtering: films worth a look, each with the nearest clean and anomalous one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cluster.corpus import Corpus
from cluster.removed_films import Key
from diffcxr.errors import DiffCXRError
from diffcxr.filtering.examples import Group
from jobs.page.corpora import find_corpus, read_films
from jobs.page.films import Film, film
from jobs.page.filterings import Example, Filtered, ScoredFilm

_MOST_FILMS = 324  # of the whole page: at thumbnails of at most 12 kB it stays below 6 MB
_PARTS: tuple[tuple[Group, str], ...] = (
    ("strangest", "The strangest"),
    ("removed", "Just removed"),
    ("kept", "Just kept"),
    ("changed", "Of another fate in an earlier round"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """A film on the sheet; without one where it cannot be read."""

    who: str
    score: float
    film: Film | None


@dataclass(frozen=True, slots=True)
class Strip:
    """A film, and the nearest ones of either fate."""

    film: Frame
    clean: Frame | None
    anomalous: Frame | None


@dataclass(frozen=True, slots=True)
class Part:
    title: str
    strips: tuple[Strip, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The parts that have films, of the corpus that was filtered; `note` says why there are none."""

    parts: tuple[Part, ...] = ()
    note: str = ""
    corpus: Corpus | None = None


def make_sheets(filterings: Sequence[Filtered], corpora: Sequence[Corpus], count: int) -> Iterator[Sheet]:
    """A sheet of each filtering, of at most `count` films a part, or as many as the page can hold.

    Args:
        corpora: those at hand; what was filtered is looked for among them, then where it lay when filtered.
    """
    most = _MOST_FILMS // max(1, 3 * len(_PARTS) * len(filterings))
    for found in filterings:
        try:
            corpus = find_corpus(found.corpus, found.data, corpora)
            parts = tuple(_parts(found, corpus, min(count, most))) if count and most else ()
        except DiffCXRError as error:
            yield Sheet(note=f"The films cannot be shown: {error}")
        else:
            note = "" if most else "There are too many filterings here to show films of each."
            yield Sheet(parts, note, corpus)


def choose(examples: Sequence[Example], group: Group, count: int) -> tuple[Example, ...]:
    """`count` examples of a group, by falling score: the highest, but of those just removed the lowest."""
    own = [example for example in examples if example.group == group]
    return tuple(own[-count:] if group == "removed" else own[:count])


def _parts(found: Filtered, corpus: Corpus, count: int) -> Iterator[Part]:
    chosen = {title: choose(found.examples, group, count) for group, title in _PARTS}
    wanted = {
        one.key
        for examples in chosen.values()
        for example in examples
        for one in (example.film, example.clean, example.anomalous)
        if one is not None
    }
    films = read_films(corpus, wanted)
    for title, examples in chosen.items():
        if examples:
            yield Part(title, tuple(_strip(example, films) for example in examples))


def _strip(example: Example, films: Mapping[Key, bytes]) -> Strip:
    clean, anomalous = example.clean, example.anomalous
    return Strip(
        _frame("Film", example.film, films),
        _frame("Nearest clean film", clean, films) if clean else None,
        _frame("Nearest anomalous film", anomalous, films) if anomalous else None,
    )


def _frame(what: str, one: ScoredFilm, films: Mapping[Key, bytes]) -> Frame:
    who, data = _who(one), films.get(one.key)
    return Frame(who, one.score, film(data, f"{what}: {who}, score {one.score:.2f}") if data else None)


def _who(one: ScoredFilm) -> str:
    report_id, sample_index = one.key
    return f"{report_id}, film {sample_index}" if sample_index else report_id
