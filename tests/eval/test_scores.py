import io
import json

import pyarrow.parquet as pq
import pytest

from eval.scores import SCORE_SCHEMA, Score, scores_from_json, scores_to_json, scores_to_parquet

SCORES = [
    Score(
        metric="fid",
        extractor="efficientnet_lite0",
        value=12.5,
        low=11.0,
        high=14.0,
        floor=2.0,
        n_floor=100,
        value_at_floor=13.0,
        n_real=300,
        n_synthetic=100,
        reference="phantom, test",
        digest="sha256:00",
    ),
    Score(
        metric="mauc_label",
        extractor="finding_classifier",
        value=None,
        n_real=0,
        n_synthetic=5,
        n_positive=2,
        reference="labels",
        digest="sha256:01",
        findings=("Edema", "Fracture"),
    ),
    Score(
        metric="fid_difference",
        extractor="efficientnet_lite0",
        value=-1.5,
        low=-2.0,
        high=-1.0,
        n_real=300,
        n_synthetic=90,
        reference="phantom, test",
        digest="sha256:00",
        against="films of another model",
        rival_value=14.0,
        n_rival=90,
        p_value=0.001,
    ),
]


def test_json_and_parquet_hold_the_same_table() -> None:
    assert scores_from_json(scores_to_json(SCORES)) == SCORES
    table = pq.read_table(io.BytesIO(scores_to_parquet(SCORES)))
    assert table.schema.equals(SCORE_SCHEMA)
    rows = [Score(**{**r, "findings": r["findings"] and tuple(r["findings"])}) for r in table.to_pylist()]
    assert rows == SCORES


def test_a_value_that_is_no_number_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        scores_to_json(
            [
                Score(
                    metric="fid",
                    extractor=None,
                    value=float("nan"),
                    n_real=1,
                    n_synthetic=1,
                    reference="",
                    digest="",
                )
            ]
        )


def test_metrics_that_were_written_before_there_were_rivals_are_read() -> None:
    old = [row for row in json.loads(scores_to_json(SCORES)) if row["against"] is None]
    for row in old:
        for name in ("against", "rival_value", "n_rival", "p_value"):
            del row[name]
    assert scores_from_json(json.dumps(old).encode()) == SCORES[:2]
