from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from diffcxr.sources.row import Reject, RejectedError, Row
from diffcxr.sources.studies import films_by_study, films_of, rows_by_study


@dataclass(frozen=True)
class Film:
    report_id: str
    patient_id: str
    name: str
    view: str | None


FILMS = st.lists(
    st.builds(
        Film,
        st.sampled_from(["s1", "s2"]),
        st.sampled_from(["p1", "p2"]),
        st.sampled_from([f"film {n}" for n in range(8)]),
        st.sampled_from(["PA", "AP", "LATERAL", None]),
    ),
    max_size=12,
)


@given(FILMS)
def test_every_film_is_in_one_study_or_a_reject(films):
    found = list(films_by_study(films))
    studies = [item for item in found if isinstance(item, list)]
    kept = [film for study in studies for film in study]
    assert len(kept) + sum(isinstance(item, Reject) for item in found) == len(films)
    assert len({film.name for film in kept}) == len(kept) == len({film.name for film in films})
    assert len({(study[0].patient_id, study[0].report_id) for study in studies}) == len(studies)
    assert all(len({(film.patient_id, film.report_id) for film in study}) == 1 for study in studies)


@given(FILMS)
def test_no_frontal_film_comes_behind_another_one(films):
    for study in films_by_study(films):
        if isinstance(study, list):
            frontal = [film.view in ("PA", "AP") for film in study]
            assert frontal == sorted(frontal, reverse=True)


def test_a_line_that_gives_no_film_and_a_film_that_gives_no_row_are_rejects():
    def read(record):
        if record["id"] == "bad":
            raise RejectedError("no valid id")
        return Film("s", "p", record["id"], "PA")

    def row(film, index):
        if film.name == "b":
            raise RejectedError("missing image")
        return Row(report_id=film.report_id, sample_index=index, text="")

    records = [{"id": "a"}, "ragged line", {"id": "bad"}, {"id": "b"}, {"id": "c"}]
    assert list(rows_by_study(films_of(records, read, "table"), row)) == [
        Reject(report_id="table row 2", reason="ragged line"),
        Reject(report_id="table row 3", reason="no valid id"),
        Row(report_id="s", sample_index=0, text=""),
        Reject(report_id="s", sample_index=1, reason="missing image"),
        Row(report_id="s", sample_index=2, text=""),
    ]
