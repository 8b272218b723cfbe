from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from cluster.evidence import Evidence
from cluster.evidence_rows import evidence_of, evidence_row
from cluster.film_slices import FilmSlice
from cluster.slice_rows import slice_of, slice_row
from diffcxr.errors import DiffCXRError, InputError
from diffcxr.findings import CHEXPERT_14
from eval.alignment import Alignment
from eval.alignment import update as update_alignment
from eval.auc import ScoredFilms
from eval.feature_rows import FeatureRows
from eval.fid import Side, update_side
from eval.groups import GROUPS
from eval.moments import Moments
from eval.ms_ssim import Likeness, Sample
from eval.retrieval import Pairs

LARGEST = 2**64 - 1
AWKWARD = np.array([0.1, -0.0, 5e-324, np.inf, np.nan, 1 / 3])


def same(a: NDArray | None, b: NDArray | None) -> None:
    """Equal to the last bit, in kind and in shape."""
    assert (a is None) == (b is None)
    if a is not None and b is not None:
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


def same_moments(a: Moments, b: Moments) -> None:
    assert (a.dimension, a.folded, len(a.pending)) == (b.dimension, b.folded, len(b.pending))
    same(a.mean, b.mean)
    same(a.scatter, b.scatter)
    for rows, others in zip(a.pending, b.pending, strict=True):
        same(rows, others)


def side(films: int, dimension: int) -> Side:
    rng = np.random.default_rng(films)
    features = rng.normal(size=(films, dimension)).astype(np.float32)
    places = rng.integers(0, GROUPS, films), rng.integers(-1, 2, films)
    return update_side(Side.empty(dimension), features, *places)


def scored(films: int) -> ScoredFilms:
    rng = np.random.default_rng(films)
    return ScoredFilms(
        rng.random((films, 3), np.float32),
        rng.integers(-1, 2, (films, 3)).astype(np.int8),
        rng.integers(0, LARGEST, films, np.uint64, endpoint=True),
        rng.integers(0, LARGEST, films, np.uint64, endpoint=True),
    )


def rows(films: int, dimension: int) -> FeatureRows:
    rng = np.random.default_rng(films)
    numbers = rng.integers(0, LARGEST, (2, films), np.uint64, endpoint=True)
    return FeatureRows(rng.normal(size=(films, dimension)).astype(np.float32), *numbers)


def likeness(films: int) -> Likeness:
    rng = np.random.default_rng(films)
    numbers = rng.integers(0, LARGEST, (2, films), np.uint64, endpoint=True)
    waiting = (
        Sample(LARGEST, 0, 3, rng.integers(0, 256, (5, 7), np.uint8)),
        Sample(0, LARGEST, 0, np.zeros((1, 1), np.uint8)),
    )
    return Likeness(*numbers, rng.random((films, 2)), rng.random(films) < 0.5, waiting[:films])


def alignment(films: int) -> Alignment:
    rng = np.random.default_rng(films)
    vectors = rng.normal(size=(2, films, 7)).astype(np.float32)
    numbers = rng.integers(0, LARGEST, (3, films), np.uint64, endpoint=True)
    return update_alignment(Alignment.empty(7), Pairs.of(*vectors, *numbers))


@pytest.mark.parametrize("images", [(b"", None, b"\x89PNG\x00\xff"), ()])
def test_a_slice_comes_back_as_it_was(images: tuple[bytes | None, ...]) -> None:
    labels = dict.fromkeys(CHEXPERT_14) | {"Edema": 1, "Fracture": -1, "Pneumonia": 0}
    numbers = np.array([LARGEST, 0, 1], np.uint64)
    texts = ("", "né\n", "x") if images else ()
    rows = (labels, None, labels)
    films = FilmSlice(7, "real", "a-name-000128", numbers, numbers[::-1], rows, images, texts)
    back = slice_of(slice_row(films))
    assert isinstance(back, FilmSlice)
    for name in ("number", "side", "name", "labels", "images", "texts"):
        assert getattr(back, name) == getattr(films, name)
    same(back.patients, films.patients)
    same(back.keys, np.ascontiguousarray(films.keys))


@pytest.mark.parametrize("films", [0, 1, 90])
def test_evidence_comes_back_to_the_last_bit(films: int) -> None:
    # Ninety films of dimension 2 are folded, in groups of which some are not full; none of dimension 500 is.
    evidence = Evidence(
        {"small": side(films, 2), "large": side(films, 500)},
        (scored(films),),
        {"small": (rows(films, 2),), "large": (rows(films, 500),)},
        likeness(films),
        films + 3,
        3,
        alignment(films),
    )
    number, name, back = found = evidence_of(evidence_row((5, "synthetic", evidence)))
    assert not isinstance(found, DiffCXRError)
    assert (number, name, back.films, back.unreadable) == (5, "synthetic", films + 3, 3)
    assert list(back.sides) == ["small", "large"]
    for extractor, one in evidence.sides.items():
        there = back.sides[extractor]
        for a, b in zip((*one.groups, *one.sets), (*there.groups, *there.sets), strict=True):
            same_moments(a, b)
    (there,) = back.scored
    for column in ("scores", "truth", "patients", "keys"):
        same(getattr(there, column), getattr(evidence.scored[0], column))
    assert list(back.rows) == ["small", "large"]
    for extractor, (part,) in evidence.rows.items():
        for column in ("features", "patients", "keys"):
            same(getattr(back.rows[extractor][0], column), getattr(part, column))
    for column in ("prompts", "patients", "values", "resized"):
        same(getattr(back.likeness, column), getattr(evidence.likeness, column))
    for ours, sample in zip(back.likeness.waiting, evidence.likeness.waiting, strict=True):
        assert (ours.prompt, ours.patient, ours.index) == (sample.prompt, sample.patient, sample.index)
        same(ours.film, sample.film)
    assert back.alignment is not None and evidence.alignment is not None
    for column in ("values", "patients", "keys"):
        same(getattr(back.alignment.ordered(), column), getattr(evidence.alignment.ordered(), column))
    for column in ("films", "reports", "patients", "keys", "texts"):
        there, was = (getattr(of.alignment.candidates.chosen(), column) for of in (back, evidence))
        same(there, was)


def test_awkward_numbers_are_not_rounded_and_nothing_is_made_of_nothing() -> None:
    state = Moments(6, 9, AWKWARD, np.resize(AWKWARD, 21), (np.float32(AWKWARD)[None],))
    one = Side((state,) * GROUPS, (Moments(6),) * 2)
    found = evidence_of(evidence_row((0, "real", Evidence({"e": one}, films=1))))
    assert not isinstance(found, DiffCXRError)
    same_moments(found[2].sides["e"].groups[3], state)
    same_moments(found[2].sides["e"].sets[1], Moments(6))
    assert (found[2].scored, found[2].rows, found[2].likeness.waiting) == ((), {}, ())
    assert found[2].alignment is None


def kinds_below(kind: type[DiffCXRError]) -> Iterator[type[DiffCXRError]]:
    yield kind
    for below in kind.__subclasses__():
        if not below.__module__.startswith("tests."):
            yield from kinds_below(below)


@pytest.mark.parametrize("kind", list(kinds_below(DiffCXRError)))
def test_an_error_for_people_arrives_as_what_it_is(kind: type[DiffCXRError]) -> None:
    error = kind("no such bucket", "s3://bucket/films", "Check the spelling.")
    for back in (slice_of(slice_row(error)), evidence_of(evidence_row(error))):
        assert type(back) is kind
        assert back.args == error.args
        assert back.exit_code == error.exit_code


def test_rows_with_and_without_an_error_have_the_same_columns() -> None:
    error = InputError("damaged")
    films = FilmSlice(0, "real", "name", *(np.zeros(1, np.uint64),) * 2, (None,), ())
    evidence = 0, "real", Evidence({})
    for rows in ((slice_row(error), slice_row(films)), (evidence_row(error), evidence_row(evidence))):
        kinds = [{name: pa.scalar(value).type for name, value in row.items()} for row in rows]
        assert kinds[0] == kinds[1]
