"""A table of films in a test's folder, and what `diffcxr corpus` wrote and said."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.storage import Storage
from tests.cluster.rows import png

THREE = [f"images/{i}.png,r{i},p{i},heart size normal" for i in range(3)]


def table(root: Path, lines: list[str], films: int = 3) -> Path:
    """A data set of `films` films and a table with these lines."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    for number in range(films):
        (root / "images" / f"{number}.png").write_bytes(png(number))
    (root / "metadata.csv").write_text("\n".join(["image,report_id,patient_id,text", *lines, ""]))
    return root


def contents(uri: str | Path) -> dict[str, bytes]:
    """Every object but the view that may tell of times and places."""
    storage = Storage.at(uri)
    return {
        stored.path: storage.read(stored.path) for stored in storage.list() if stored.path != "summary.json"
    }


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """What was complained of: exactly one line, beside progress."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("diffcxr corpus:")]
    assert len(lines) == 1
    return lines[0]
