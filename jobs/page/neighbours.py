"""Synthetic films beside their nearest real ones, the best and the worst of them, and where all films lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.corpus import Corpus
from cluster.exhibits import Films, Neighboured, Place, Plane
from cluster.film_slices import REAL, SYNTHETIC
from cluster.removed_films import Key
from diffcxr.errors import DiffCXRError
from jobs.page.corpora import find_corpus, read_films
from jobs.page.films import Film, film
from jobs.page.measures import number

_WIDTH, _LEAST_HEIGHT, _MARGIN = 480, 160, 12  # units of the map; both of its axes have one scale
_ROWS = (
    (
        "near",
        "Nearest neighbours",
        "Each beside the real film that is nearest to it: the nearest pairs of all, where a copy of a real "
        "film would stand, then pairs a quarter, half and three quarters on.",
    ),
    (
        "best",
        "Best",
        "Those with the most real films around them: the shortest way to the fifth nearest real film.",
    ),
    ("worst", "Worst", "Those with the fewest: the longest way to the fifth nearest."),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A synthetic film with its nearest real one, or alone; without a picture where it cannot be read."""

    who: str
    words: str
    synthetic: Film | None
    beside: tuple[str, Film | None] | None


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    meaning: str
    films: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class PlaneView:
    """Films as paths of dots, and the mean of each side; 480 units wide."""

    height: int
    shares: str
    real: str
    synthetic: str
    means: tuple[tuple[str, float, float], ...]  # side, x, y
    counts: tuple[int, int]


@dataclass(frozen=True, slots=True)
class NeighboursView:
    extractor: str
    words: str
    notes: tuple[str, ...]
    rows: tuple[Row, ...]
    plane: PlaneView | None


def view_neighbours(films: Films, corpora: Sequence[Corpus], count: int) -> NeighboursView:
    """At most `count` films a row, from `corpora` or from where the corpora lay when they were measured."""
    chosen = {"near": films.near[:count], "best": films.best[:count], "worst": films.worst[:count]}
    wanted: dict[str, set[Key]] = {
        SYNTHETIC: {one.film for row in chosen.values() for one in row},
        REAL: {one.real for one in chosen["near"]},
    }
    pictures, notes = {}, []
    for side, keys in wanted.items():
        pictures[side], note = _pictures(films.places[side], corpora, keys)
        notes += [f"The {side} films cannot be shown: {note}"] if note else []
    real, synthetic = (films.places[side] for side in (REAL, SYNTHETIC))
    return NeighboursView(
        films.extractor,
        f"Of {synthetic.sample:,} of {synthetic.films:,} synthetic films, looked for among all "
        f"{real.films:,} real ones. From the nearest real film, synthetic films are "
        f"{number(films.of_synthetic.median)} away in the median and {number(films.of_synthetic.least)} at "
        f"least; for comparison, {films.of_real.films:,} real films are {number(films.of_real.median)} and "
        f"{number(films.of_real.least)} away from those of other patients.",
        tuple(notes),
        tuple(
            Row(title, meaning, tuple(_shown(name, one, pictures) for one in chosen[name]))
            for name, title, meaning in _ROWS
            if chosen[name]
        ),
        None if films.plane is None else _plane(films.plane),
    )


def _pictures(place: Place, corpora: Sequence[Corpus], wanted: set[Key]) -> tuple[dict[Key, bytes], str]:
    """The films that can be read, and why there are none."""
    if not wanted:
        return {}, ""
    try:
        return read_films(find_corpus(place.corpus, place.uri, corpora), wanted), ""
    except DiffCXRError as error:
        return {}, str(error)


def _shown(row: str, one: Neighboured, pictures: Mapping[str, Mapping[Key, bytes]]) -> Shown:
    made, name = pictures[SYNTHETIC].get(one.film), _who(one.film)
    synthetic = film(made, f"Synthetic film {name}") if made else None
    if row != "near":
        return Shown(name, f"distance {number(one.fifth)}", synthetic, None)
    taken = pictures[REAL].get(one.real)
    real = film(taken, f"Real film {_who(one.real)}, the nearest to synthetic film {name}") if taken else None
    words = f"distance {number(one.distance)}; {100 * one.nearer:.0f} % of real films have a nearer one"
    return Shown(name, words, synthetic, (_who(one.real), real))


def _who(key: Key) -> str:
    report_id, sample_index = key
    return f"{report_id}, film {sample_index}" if sample_index else report_id


def _plane(plane: Plane) -> PlaneView:
    xs, ys = zip(*plane.real, *plane.synthetic, strict=True)
    wide, tall = max(xs) - min(xs), max(ys) - min(ys)
    scale = (_WIDTH - 2 * _MARGIN) / (max(wide, tall) or 1.0)
    height = max(_LEAST_HEIGHT, round(tall * scale) + 2 * _MARGIN)

    def place(x: float, y: float) -> tuple[float, float]:
        across, up = (x - min(xs) - wide / 2) * scale, (y - min(ys) - tall / 2) * scale
        return round(_WIDTH / 2 + across, 1), round(height / 2 - up, 1)

    def dots(points: Sequence[tuple[float, float]]) -> str:
        return "".join(f"M{x:g} {y:g}h0" for x, y in (place(*point) for point in points))

    def mean(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
        return place(sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))

    first, second = (f"{100 * share:.0f} %" for share in plane.shares)
    return PlaneView(
        height,
        f"{first} and {second}",
        dots(plane.real),
        dots(plane.synthetic),
        (("real", *mean(plane.real)), ("synthetic", *mean(plane.synthetic))),
        (len(plane.real), len(plane.synthetic)),
    )
