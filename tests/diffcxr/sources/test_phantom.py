import io
import json
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from diffcxr.phantom.study import ARTEFACTS, sample_study
from diffcxr.reports.prompt import make_prompt
from diffcxr.sources.phantom import phantom_rows


def test_a_row_depends_on_seed_and_index_alone() -> None:
    rows = list(phantom_rows(150, seed=5, images=False))
    assert list(phantom_rows(40, seed=5, images=False, start=110)) == rows[110:]
    assert [row.report_id for row in rows] == [f"phantom-5-{index:08d}" for index in range(150)]


def test_rows_do_not_depend_on_the_number_of_workers() -> None:
    alone = list(phantom_rows(150, seed=6, artefacts=0.3, size=64, start=13))
    together = list(phantom_rows(150, seed=6, artefacts=0.3, size=64, start=13, workers=2))
    assert alone == together


def test_a_pool_left_early_leaves_no_process_behind() -> None:
    rows = phantom_rows(100_000, seed=6, images=False, workers=2)
    assert len(list(islice(rows, 70))) == 70
    rows.close()  # type: ignore[attr-defined]
    assert list(rows) == []


@pytest.mark.parametrize("size", [64, 128])
def test_films_are_grey_png_of_the_size_asked_for(size: int) -> None:
    (row,) = phantom_rows(1, seed=1, size=size)
    assert row.image is not None
    with Image.open(io.BytesIO(row.image)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "L", (size, size))
        assert np.asarray(image).std() > 10


def test_without_images_rows_are_the_same_but_for_the_film() -> None:
    for drawn, told in zip(
        phantom_rows(5, seed=2, size=64), phantom_rows(5, seed=2, images=False), strict=True
    ):
        assert told.image is None
        assert (drawn.report_id, drawn.text, drawn.truth) == (told.report_id, told.text, told.truth)


def test_rows_carry_the_prompt_the_labels_and_the_truth() -> None:
    for index, row in enumerate(phantom_rows(60, seed=4, images=False, artefacts=0.5)):
        assert row.text == make_prompt(row.findings, row.impression)
        assert row.labels is not None and len(row.labels) == 14
        truth = json.loads(row.truth or "")
        study = sample_study(4, index, 0.5)
        assert truth == json.loads(json.dumps(study.to_json()))
        assert (row.view, row.sex, row.age) == (study.view, study.sex, study.age)


def test_a_patients_rows_share_a_split() -> None:
    splits: dict[str | None, set[str | None]] = {}
    for row in phantom_rows(2000, seed=8, images=False):
        splits.setdefault(row.patient_id, set()).add(row.split)
    assert all(len(named) == 1 for named in splits.values())
    assert {name for named in splits.values() for name in named} == {"train", "validate", "test"}


def test_the_asked_for_share_of_films_are_artefacts() -> None:
    kinds = [
        json.loads(row.truth or "")["artefact"] for row in phantom_rows(1500, 9, images=False, artefacts=0.2)
    ]
    assert {kind for kind in kinds if kind} == set(ARTEFACTS)
    assert abs(sum(kind is not None for kind in kinds) / len(kinds) - 0.2) < 0.04
