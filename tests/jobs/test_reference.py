"""FID against what was published of real films, without them."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.corpus import Corpus
from cluster.measurer import Instruments
from cluster.reference_file import read_reference
from cluster.session import connect
from eval.features.finding_scores import FindingScores
from eval.scores import Score, scores_from_json
from jobs import evaluate, reference
from jobs.command import main
from tests.cluster.films import film_rows, write_classifier, write_films

N = 100  # synthetic films, and those in a half of the floor
ALONE = "synthetic=null"


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[None]:
    with connect(num_cpus=2):
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    write_films(folder / "real", film_rows(400, seed=1), [150])
    write_films(folder / "synthetic", film_rows(N, seed=2, brightness=15))
    write_classifier(folder / "classifier")
    write_classifier(folder / "another", ("Edema", "Fracture", "Cardiomegaly"))
    return folder


@pytest.fixture(autouse=True)
def three_dimensions(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of three dimensions, so that a few films are enough to publish: a small classifier's."""

    def instruments(config: evaluate.Config) -> Instruments:
        name = "classifier" if config.classifier == "mini" else config.classifier
        scores = FindingScores.from_folder(place / name)
        return Instruments((scores,), scores if "mauc" in config.metrics else None)

    monkeypatch.setattr(evaluate, "make_instruments", instruments)


def run(place: Path, output: str, *more: str) -> int:
    return main(["evaluate", f"cache={place / 'cache'}", *more, f"output={place / output}"])


def publish(place: Path, name: str, *more: str) -> Path:
    """The reference of that name; the same one where it is there."""
    path = place / f"{name}.safetensors"
    told = [f"real={place / 'real'}", f"publish={path}", *more]
    assert run(place, f"publish-{name}", "metrics=[fid]", *told) == 0
    return path


def whole(place: Path) -> Path:
    return publish(place, "whole", f"publish_floor={N}")


def scores(folder: Path) -> list[Score]:
    return scores_from_json((folder / "metrics.json").read_bytes())


def test_a_published_reference_scores_as_its_corpus_does_bit_for_bit(place: Path, capsys) -> None:
    path = whole(place)
    synthetic = f"synthetic={place / 'synthetic'}"
    assert run(place, "of-corpus", f"real={place / 'real'}", synthetic) == 0
    capsys.readouterr()
    assert run(place, "of-reference", f"real={path}", synthetic) == 0
    first = capsys.readouterr().out
    assert "fid" in first
    of_corpus, of_reference = scores(place / "of-corpus"), scores(place / "of-reference")
    (publisher,) = {score.digest_reference for score in of_reference}
    assert publisher is not None and {score.digest_reference for score in of_corpus} == {None}
    assert {s.digest_real for s in (*of_corpus, *of_reference)} == {Corpus.open(str(place / "real")).digest}
    of_reference = [dataclasses.replace(score, digest_reference=None) for score in of_reference]
    fid = of_reference[0]
    assert fid == of_corpus[0]
    assert fid.metric == "fid" and fid.n_floor == N and fid.low is not None and fid.floor is not None
    # mAUC is there as well, and no real film for its ceiling.
    assert of_reference[1:] == [dataclasses.replace(score, ceiling=None, n_real=0) for score in of_corpus[1:]]
    summary = json.loads((place / "of-reference/summary.json").read_text())
    assert summary["real"]["films"] == 400 and summary["synthetic"]["films"] == N

    assert run(place, "of-reference", f"real={path}", synthetic) == 0
    assert capsys.readouterr().out == first
    assert run(place, "of-reference", f"real={path}", synthetic, "synthetic_split=train") == 4


def test_without_groups_the_file_is_small_and_the_interval_is_the_synthetic_films_alone(place: Path) -> None:
    small = publish(place, "small", f"publish_floor={N}", "publish_groups=false", "real_split=train")
    assert small.stat().st_size < whole(place).stat().st_size / 2
    assert run(place, "small", f"real={small}", f"synthetic={place / 'synthetic'}", "metrics=[fid]") == 0
    (fid,) = scores(place / "small")
    assert fid.reference == "films, train" and fid.n_real == 300
    assert fid.note == "interval of the synthetic films alone"
    assert fid.low is not None and fid.floor is not None


def test_fewer_films_than_a_half_of_the_floor_have_no_floor(place: Path) -> None:
    told = [f"real={whole(place)}", f"synthetic={place / 'synthetic'}", "synthetic_split=train"]
    assert run(place, "few", *told, "metrics=[fid]") == 0
    (fid,) = scores(place / "few")
    assert fid.value is not None and fid.low is not None and fid.n_synthetic < N
    assert (fid.floor, fid.n_floor, fid.value_at_floor) == (None, None, None)


def test_the_same_command_again_finds_its_reference_and_another_one_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    path = whole(place)
    before = path.read_bytes()
    first = capsys.readouterr().out
    monkeypatch.delattr(reference, "connect")  # no Ray
    whole(place)
    again = capsys.readouterr().out
    assert "published" in again and first in ("", again)
    told = [f"real={place / 'real'}", f"publish={path}", "metrics=[fid]"]
    assert run(place, "another", *told, "real_split=test") == 4
    assert "there already" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_reference_holds_no_row_of_a_film_and_no_id(place: Path) -> None:
    data = whole(place).read_bytes()
    for row in film_rows(400, seed=1):
        assert row.report_id.encode() not in data and str(row.patient_id).encode() not in data
    (state,) = read_reference(str(whole(place))).states.values()
    assert state.least > 3 and not any(group.pending for group in (*state.groups, *state.halves))


def test_a_reference_of_another_extractor_is_an_error_that_names_both(place: Path, capsys) -> None:
    path = whole(place)
    (digest,) = read_reference(str(path)).facts.digests.values()
    capsys.readouterr()
    told = [f"real={path}", f"synthetic={place / 'synthetic'}", "metrics=[fid]", "classifier=another"]
    assert run(place, "digest", *told) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and digest in lines[0] and lines[0].count("sha256:") == 2


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["real={ref}", "metrics=[fid,kid,prdc]"], "kid, prdc: real films are needed"),
        (["real={ref}", "metrics=[f1]"], "f1: real films are needed"),
        (["real={ref}", "real_split=test"], "has its split already"),
        (["real={place}/none.safetensors"], "no reference here"),
        (["real={real}", "publish={place}/x.safetensors"], "of real films alone"),
        (["real={real}", ALONE], "missing: synthetic"),
        (["real={real}", ALONE, "publish={place}/x"], "as safetensors"),
        (["real={real}", ALONE, "publish={place}/x.safetensors", "metrics=[mauc]"], "what FID takes"),
        (["real={synthetic}", ALONE, "publish={place}/x.safetensors"], "and 3 dimensions"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(place: Path, capsys, more: list[str], says: str) -> None:
    names = {
        "ref": whole(place),
        "real": place / "real",
        "place": place,
        "synthetic": place / "synthetic",
    }
    capsys.readouterr()
    given = [argument.format(**names) for argument in more]
    if ALONE not in given:
        given.append(f"synthetic={place / 'synthetic'}")
    assert run(place, "bad", *given) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("diffcxr")]
    assert len(errors) == 1 and says in errors[0]
    assert not (place / "x.safetensors").exists() and not (place / "bad").exists()
