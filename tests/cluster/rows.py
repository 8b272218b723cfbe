"""Rows for tests: small, of every shape that the schema allows."""

from __future__ import annotations

import io

from hypothesis import strategies as st
from PIL import Image

from diffcxr.findings import CHEXPERT_14
from diffcxr.sources.row import Row


def png(shade: int, side: int = 8) -> bytes:
    out = io.BytesIO()
    Image.new("L", (side, side), shade % 256).save(out, "PNG")
    return out.getvalue()


def rows(count: int, start: int = 0, images: bool = True) -> list[Row]:
    """Distinct rows; their content depends on their number alone."""
    return [
        Row(
            report_id=f"study-{index:05d}",
            patient_id=f"patient-{index // 2}",
            text=f"heart size normal, film {index}",
            findings=f"Heart size normal, film {index}.",
            labels=dict.fromkeys(CHEXPERT_14) | {"Cardiomegaly": 0},
            view="PA",
            age=50.0,
            split="train",
            image=png(index) if images else None,
        )
        for index in range(start, start + count)
    ]


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_LABELS = st.fixed_dictionaries({name: st.sampled_from((None, -1, 0, 1)) for name in CHEXPERT_14})

any_row = st.builds(
    Row,
    report_id=_TEXT,
    sample_index=st.integers(0, 2**31 - 1),
    patient_id=st.none() | _TEXT,
    text=_TEXT,
    findings=st.none() | _TEXT,
    impression=st.none() | _TEXT,
    labels=st.none() | _LABELS,
    view=st.sampled_from((None, "PA", "AP", "LATERAL")),
    sex=st.sampled_from((None, "F", "M")),
    age=st.none() | st.floats(0, 120, width=32),
    split=st.sampled_from((None, "train", "validate", "test")),
    image=st.none() | st.binary(max_size=50),
    seed=st.none() | st.integers(-(2**63), 2**63 - 1),
    truth=st.none() | _TEXT,
)
