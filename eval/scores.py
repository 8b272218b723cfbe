"""The rows of metrics.json: one a value, with all that is needed to trust it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One measured value. None means that there is no such thing, never that it was not looked at."""

    metric: str  # fid, mauc_label, ...
    extractor: str | None  # whose features or scores
    subset: str = "all"  # or a finding, or a named set
    value: float | None  # None: too few films
    low: float | None = None  # 95 % interval
    high: float | None = None
    floor: float | None = None  # fid: real against real; mauc: reports shuffled
    ceiling: float | None = None  # mauc: the real films
    n_floor: int | None = None  # films a side in `floor`, and in
    value_at_floor: float | None = None  # the value taken anew at that n
    n_real: int
    n_synthetic: int
    n_positive: int | None = None
    reference: str  # what the synthetic films are measured against
    digest: str  # the extractor's
    findings: tuple[str, ...] | None = None  # those that a macro mean is over
    note: str | None = None  # what else decides how the value is to be read
    points: tuple[tuple[float, float], ...] | None = None  # fid_infinity: films, and FID of so many
    against: str | None = None  # the rival corpus: `value` is then a difference, the films' less the rival's
    rival_value: float | None = None  # the rival's own
    n_rival: int | None = None  # its films; `n_synthetic` counts those that stand against them
    p_value: float | None = None  # two-sided, for no difference
    protocol: str | None = None  # the published protocol that the row follows, and its source
    fault: str | None = None  # what is wrong with that protocol, and what to read instead
    digest_real: str | None = None  # of the corpora, by which the films are known wherever they are
    digest_synthetic: str | None = None
    digest_rival: str | None = None
    digest_reference: str | None = None  # of the run that published it, where real films stood in no corpus


_TYPES: dict[str, pa.DataType] = {
    "str": pa.string(),
    "str | None": pa.string(),
    "float | None": pa.float64(),
    "int": pa.int64(),
    "int | None": pa.int64(),
    "tuple[str, ...] | None": pa.list_(pa.string()),
    "tuple[tuple[float, float], ...] | None": pa.list_(pa.list_(pa.float64(), 2)),
}
SCORE_SCHEMA = pa.schema([(f.name, _TYPES[str(f.type)]) for f in fields(Score)])


def scores_to_json(scores: Sequence[Score]) -> bytes:
    """metrics.json: a list of objects."""
    return (json.dumps([asdict(score) for score in scores], indent=2, allow_nan=False) + "\n").encode()


def scores_from_json(data: bytes) -> list[Score]:
    """What `scores_to_json` wrote. Raises TypeError or ValueError for anything else."""
    return [_score(row) for row in json.loads(data)]


def scores_to_parquet(scores: Sequence[Score]) -> bytes:
    """metrics.parquet: the same table."""
    table = pa.Table.from_pylist([asdict(score) for score in scores], schema=SCORE_SCHEMA)
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _score(row: dict[str, Any]) -> Score:
    findings, points = row["findings"], row.get("points")
    points = points and tuple((float(n), float(value)) for n, value in points)
    return Score(**{**row, "findings": findings and tuple(findings), "points": points})
