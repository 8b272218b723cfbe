from __future__ import annotations

from pathlib import Path

from benchmarks.million import Holds, Killed, wrong_films
from benchmarks.ray_data import draw_films
from benchmarks.reports import write_reports
from cluster.codec import decode_image
from cluster.corpus import Corpus
from tests.generated_run import generated_run


def test_reports_repeat_and_their_ids_do_not(tmp_path: Path) -> None:
    corpus = write_reports(str(tmp_path / "reports"), 1100, 300)
    tables = list(corpus.tables(["report_id", "patient_id", "text"]))
    assert [len(table) for table in tables] == [300, 300, 300, 200]
    assert Holds.of(corpus.storage) == Holds(rows=1100, distinct=1100)
    assert tables[0].column("text")[7] == tables[3].column("text")[107]


def test_both_sides_draw_the_same_pixels_from_the_same_seeds(tmp_path: Path) -> None:
    corpus = write_reports(str(tmp_path / "reports"), 20, 20)
    generated_run(corpus, tmp_path / "made", image_format="jpeg", images_per_shard=20)
    ours, theirs = Corpus.open(tmp_path / "made").read(0), draw_films(corpus.read(0))
    assert theirs.column("seed") == ours.column("seed")
    for one, other in zip(ours.column("image").to_pylist(), theirs.column("image").to_pylist(), strict=True):
        assert (decode_image(one["bytes"]) == decode_image(other["bytes"])).all()


def test_a_film_that_is_lost_and_one_that_is_there_twice_are_two_that_are_wrong() -> None:
    def ended(rows: int, distinct: int) -> Killed:
        return Killed(Holds(4, 4), Holds(rows, distinct), wall_seconds=1.0, written_again=0)

    assert wrong_films(ended(10, 10), 10) == 0
    assert wrong_films(ended(10, 9), 10) == 2
