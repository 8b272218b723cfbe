from __future__ import annotations

import dataclasses
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from cluster.corpus import Corpus
from cluster.film_features import KeptFeatures, read_features
from cluster.filtering import FilmFeatures
from cluster.removed_films import Removed
from cluster.session import connect
from cluster.storage import Storage
from cluster.training_data import read_training_data
from diffcxr.errors import InputError, RefusedError
from jobs.command import main
from jobs.stages import filter as stage
from tests.cluster.films import film_rows, write_films
from tests.jobs.train_here import encode_here, filter_here, train_here

SIZE = "size=64"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Phantom films, a fifth of them artefacts."""
    output = str(tmp_path_factory.mktemp("corpus") / "phantom")
    source = ["source=phantom", "source.rows=240", "source.size=64", "source.artefacts=0.2"]
    assert main(["corpus", *source, "shard_rows=100", "workers=1", f"output={output}"]) == 0
    return output


@pytest.fixture(scope="module")
def filtered(corpus: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("filtered")
    assert filter_here(command(corpus, output)) == 0
    return output


def command(corpus: str, output: Path) -> list[str]:
    return ["train", "stage=filter", f"data={corpus}", f"output={output}", SIZE]


def test_every_film_of_every_split_has_a_score(corpus: str, filtered: Path) -> None:
    scores = pq.read_table(filtered / "scores.parquet")
    assert scores.schema.names == ["report_id", "sample_index", "score", "removed", "round", "history"]
    rows = pa.concat_tables(Corpus.open(corpus).tables(["report_id", "sample_index"]))
    assert sorted(scores["report_id"].to_pylist()) == sorted(rows["report_id"].to_pylist())
    for row in scores.to_pylist():
        assert row["removed"] == (row["round"] is not None)
        assert row["history"][-1] == row["score"]


def test_rounds_say_what_was_removed(filtered: Path) -> None:
    rounds = json.loads((filtered / "rounds.json").read_text())
    removed = sum(pq.read_table(filtered / "scores.parquet")["removed"].to_pylist())
    assert rounds[-1]["removed"] == removed > 0
    assert set(rounds[0]) == {"films", "round", "threshold", "seeds", "removed", "changed"}


def test_each_round_s_removed_films_can_be_told_from_its_scores_and_threshold(filtered: Path) -> None:
    rounds = json.loads((filtered / "rounds.json").read_text())
    history = np.array(pq.read_table(filtered / "scores.parquet")["history"].to_pylist())
    assert len(rounds) == history.shape[1] > 1
    for one, scores in zip(rounds, history.T, strict=True):
        assert (scores > one["threshold"]).sum() == one["removed"]


def test_examples_lie_on_the_side_of_the_threshold_that_they_are_said_to(filtered: Path) -> None:
    fates = {
        (row["report_id"], row["sample_index"]): row["removed"]
        for row in pq.read_table(filtered / "scores.parquet").to_pylist()
    }
    examples = json.loads((filtered / "examples.json").read_text())
    others = min(12, sum(fates.values()) - 12)
    assert others > 0
    groups = Counter(one["group"] for one in examples)
    assert 0 < groups.pop("changed") <= 12 and groups == {"strangest": 12, "removed": others, "kept": 12}
    for one in examples:
        assert one["group"] == "changed" or fates[key(one)] == (one["group"] != "kept")
        assert [fates[key(near)] for near in one["nearest_kept"]] == [False] * 3
        assert [fates[key(near)] for near in one["nearest_removed"]] == [True] * 3
        assert key(one) not in [key(near) for near in one["nearest_kept"] + one["nearest_removed"]]


def products(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.glob("*.*")}


def key(film: dict[str, Any]) -> tuple[str, int]:
    return film["report_id"], film["sample_index"]


def test_how_a_corpus_is_cut_and_ordered_decides_nothing(tmp_path: Path) -> None:
    rows = film_rows(70, seed=1)
    made = []
    for name, cuts in (("whole", ()), ("cut", (1, 40, 43))):
        some = rows if name == "whole" else [*rows[30:], *rows[:30]]
        write_films(tmp_path / name, some, cuts)
        assert filter_here(command(str(tmp_path / name), tmp_path / f"{name}-out")) == 0
        made.append(products(tmp_path / f"{name}-out"))
    assert made[0].keys() == {"scores.parquet", "rounds.json", "examples.json"}
    assert made[0] == made[1]


def test_the_page_finds_the_films_where_they_lay_when_they_were_filtered(
    filtered: Path, tmp_path: Path
) -> None:
    assert main(["report", f"runs={filtered}", f"output={tmp_path}/page.html", "films=4"]) == 0
    html = (tmp_path / "page.html").read_text()
    assert html.count('alt="Film: phantom-0-') == 16
    assert html.count('alt="Nearest clean film: ') == html.count('alt="Nearest anomalous film: ') == 16
    assert "cannot be" not in html
    assert "Embedded phantom world, not MIMIC-CXR." in html


def test_artefacts_score_above_chests_though_nobody_says_which_they_are(corpus: str, filtered: Path) -> None:
    truth = {
        row["report_id"]: json.loads(row["truth"])["artefact"] is not None
        for table in Corpus.open(corpus).tables(["report_id", "truth"])
        for row in table.to_pylist()
    }
    ranked = sorted(pq.read_table(filtered / "scores.parquet").to_pylist(), key=lambda row: -row["score"])
    top = ranked[: sum(truth.values())]
    assert sum(truth[row["report_id"]] for row in top) > 0.6 * len(top)


def test_labels_and_texts_do_not_enter(tmp_path: Path) -> None:
    rows = film_rows(40, seed=1)
    bare = [type(row)(report_id=row.report_id, text="", image=row.image) for row in rows]
    scores = []
    for name, some in (("whole", rows), ("bare", bare)):
        write_films(tmp_path / name, some)
        assert filter_here(command(str(tmp_path / name), tmp_path / f"{name}-out")) == 0
        scores.append((tmp_path / f"{name}-out/scores.parquet").read_bytes())
    assert scores[0] == scores[1]


def test_a_finished_output_is_left_as_it_is(corpus: str, filtered: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in filtered.glob("*.*")}
    assert before and main(command(corpus, filtered)) == 0
    assert {path: path.stat().st_mtime_ns for path in filtered.glob("*.*")} == before


def test_rounds_that_ended_by_their_number_are_told(
    corpus: str, filtered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(filtered, tmp_path / "out")
    assert main(command(corpus, tmp_path / "out")) == 0
    assert "still changed" not in capsys.readouterr().err
    *_, last = json.loads((filtered / "rounds.json").read_text())
    last |= {"round": 8, "changed": last["removed"]}
    (tmp_path / "out/rounds.json").write_text(json.dumps([last]))
    assert main(command(corpus, tmp_path / "out")) == 0
    assert f"after 8 rounds {last['removed']} films still changed" in capsys.readouterr().err


def test_an_unfinished_output_is_taken_up_again_with_the_same_bytes(
    corpus: str, filtered: Path, tmp_path: Path
) -> None:
    assert filter_here(command(corpus, tmp_path)) == 0
    (tmp_path / "training/filter/log.jsonl").unlink()
    (tmp_path / "scores.parquet").unlink()
    assert filter_here(command(corpus, tmp_path)) == 0
    assert products(tmp_path) == products(filtered)


def test_an_interrupted_run_encodes_no_shard_again(
    corpus: str, filtered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []

    def read_until(last: int) -> None:
        def read(corpus: Corpus, number: int, *arguments: Any) -> FilmFeatures:
            if number > last:
                raise KeyboardInterrupt
            encoded.append(number)
            return read_features(corpus, number, *arguments)

        monkeypatch.setattr(stage, "read_features", read)

    read_until(0)
    with pytest.raises(KeyboardInterrupt):
        encode_here(command(corpus, tmp_path))
    read_until(2)
    assert filter_here(command(corpus, tmp_path)) == 0
    assert encoded == [0, 1, 2]
    assert products(tmp_path) == products(filtered)
    assert not (tmp_path / "training/filter/features/00000.parquet").exists()


def test_workers_share_what_is_left_and_the_scores_are_those_of_one(
    corpus: str, filtered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encode_here(command(corpus, tmp_path))
    folder = Storage.at(tmp_path / "training/filter/features")
    for number in (1, 2):
        folder.delete(f"{number:05d}.parquet")
    with connect(num_cpus=2):
        assert main([*command(corpus, tmp_path), "workers=2", "threads=1"]) == 0
    assert products(tmp_path) == products(filtered)
    said = capsys.readouterr().err.splitlines()
    assert "encode films: 100/240" in said[0] and "encode films: 240/240" in said[-1]


def test_what_another_kind_of_processor_began_is_refused(corpus: str, tmp_path: Path) -> None:
    job = command(corpus, tmp_path)
    encode_here(job)
    kept = KeptFeatures(Storage.at(tmp_path / "training/filter/features"))
    settings = json.loads((tmp_path / "training/filter/run.json").read_text())["plan"]
    kept.delete()
    kept.claim(settings, torch.device("cuda"))
    with pytest.raises(RefusedError, match=r'pixels.device is "cuda" there and "cpu" here'):
        encode_here(job)


def test_films_of_other_views_are_not_scored(tmp_path: Path) -> None:
    views = ("PA", "LATERAL", "AP", None)
    rows = [dataclasses.replace(row, view=views[n % 4]) for n, row in enumerate(film_rows(80, seed=1))]
    frontal = [row for row in rows if row.view in ("PA", "AP")]
    mixed = write_films(tmp_path / "mixed", rows, cuts=(30,))
    write_films(tmp_path / "frontal", frontal)
    assert filter_here([*command(mixed.uri, tmp_path / "out"), "views=[PA,AP]"]) == 0
    assert filter_here(command(str(tmp_path / "frontal"), tmp_path / "alone")) == 0
    assert products(tmp_path / "out") == products(tmp_path / "alone")
    assert Removed.read(Storage.at(tmp_path / "out"), mixed).films <= {(row.report_id, 0) for row in frontal}
    assert main(command(mixed.uri, tmp_path / "out")) == 4  # of all views it is another run
    alone = json.loads((tmp_path / "alone/training/filter/run.json").read_text())["plan"]
    assert alone.keys() == {"corpus", "size", "autoencoder"}  # as before views were read


def test_too_few_films_of_the_views_are_said_before_anything_starts(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command(corpus, tmp_path / "out"), "views=[LATERAL]"]) == 2
    assert "7 films of views LATERAL are too few" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_shipped_autoencoder_is_the_default_and_has_a_name(
    corpus: str, filtered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*command(corpus, filtered), "filter.autoencoder=mini"]) == 0
    assert main([*command(corpus, filtered), "base=mini"]) == 0


def test_films_are_seen_through_the_base_s_autoencoder(
    corpus: str, filtered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = ["train", "stage=autoencoder", f"data={corpus}", "size=32", "autoencoder.steps=2"]
    train_here([*job, "autoencoder.width=8", "autoencoder.depth=1", f"output={tmp_path}"])
    assert main([*command(corpus, filtered), f"base={tmp_path}"]) == 4
    assert "autoencoder" in capsys.readouterr().err
    assert main([*command(corpus, filtered), f"base={tmp_path}", "filter.autoencoder=mini"]) == 0


def test_removed_films_are_left_out_of_training(corpus: str, filtered: Path, tmp_path: Path) -> None:
    opened = Corpus.open(corpus)
    removed = Removed.read(Storage.at(filtered), opened)
    kept = read_training_data(opened, None, 64, removed.films)
    assert len(kept.films) == opened.rows - len(removed.films) < opened.rows
    job = ["train", "stage=autoencoder", f"data={corpus}", "size=32", "autoencoder.steps=2"]
    small = ["autoencoder.width=8", "autoencoder.depth=1", "autoencoder.batch_size=4", f"output={tmp_path}"]
    train_here([*job, *small, f"filter={filtered}"])
    assert main([*job, *small]) == 4  # without the filter it is another run


def test_a_filtered_view_is_a_corpus_and_its_removed_films_are_rejects(
    corpus: str, filtered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    view, opened = tmp_path / "view", Corpus.open(corpus)
    job = ["corpus", "source=union", f"source.corpora=[{corpus}]", f"output={view}"]
    assert main([*job, f"source.filter={filtered}"]) == 0
    removed = Removed.read(Storage.at(filtered), opened)
    kept = Corpus.open(view)
    assert (kept.rows, dict(kept.rejects)) == (
        opened.rows - len(removed.films),
        {"filtered": len(removed.films)},
    )
    ids = {row["report_id"] for table in kept.tables(["report_id"]) for row in table.to_pylist()}
    assert not ids & {report_id for report_id, _ in removed.films}
    assert main(["verify", f"output={view}", "decode=true"]) == 0
    assert main(job) == 4  # without the filter it is another corpus
    capsys.readouterr()
    two = ["corpus", "source=union", f"source.corpora=[{corpus},{corpus}]", f"output={tmp_path}/two"]
    assert main([*two, f"source.filter={filtered}"]) == 2
    assert capsys.readouterr().err.startswith("diffcxr corpus: a filter is of one corpus: source.filter.")


def test_another_size_on_the_same_output_is_refused(corpus: str, filtered: Path) -> None:
    assert main([*command(corpus, filtered), "size=96"]) == 4


def test_too_few_films_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_films(tmp_path / "few", film_rows(5, seed=1))
    assert main(command(str(tmp_path / "few"), tmp_path / "out")) == 2
    assert "5 films are too few" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_damaged_film_is_named(tmp_path: Path) -> None:
    first, *rest = film_rows(25, seed=1)
    assert first.image is not None
    write_films(tmp_path / "films", [dataclasses.replace(first, image=first.image[:60]), *rest])
    with pytest.raises(InputError, match="damaged") as raised:
        encode_here(command(str(tmp_path / "films"), tmp_path / "out"))
    assert f"film {first.sample_index} of {first.report_id}" in raised.value.where


def test_the_filter_of_another_corpus_is_one_line(
    filtered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_films(tmp_path / "films", film_rows(25, seed=1))
    job = ["train", "stage=autoencoder", f"data={tmp_path}/films", f"output={tmp_path}/out"]
    assert main([*job, f"filter={filtered}"]) == 2
    assert "the filter is of another corpus" in capsys.readouterr().err


def test_a_filter_that_is_not_there_is_one_line(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = ["train", "stage=autoencoder", f"data={corpus}", f"output={tmp_path / 'out'}"]
    assert main([*job, f"filter={tmp_path}"]) == 2
    assert "no scores of films here" in capsys.readouterr().err
