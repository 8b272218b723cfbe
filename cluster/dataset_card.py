"""The card beside a corpus: README.md in the form that Hugging Face reads, made of the manifest alone.

It tells what the rows are and how they came about; no row, and so no report text, is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from cluster.croissant import SHARD_FILES, licence_url

CARD_PATH = "README.md"
_SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M"}
_SIZES |= {10_000_000: "1M<n<10M", 100_000_000: "10M<n<100M"}
_HUGE = "100M<n<1B"


def describe(name: str, rows: int, provenance: Mapping[str, Any], parent: Mapping[str, Any] | None) -> str:
    """What a corpus is, in a sentence or two."""
    if parent is not None:
        return (
            f"{rows:,} synthetic chest radiographs, made by diffcxr from the reports of {parent['name']}. "
            "None is of a patient, and none may be used to diagnose."
        )
    kinds = "chest radiographs and reports, some or all of them synthetic" * bool(provenance.get("synthetic"))
    return f"{rows:,} rows of {name}: {kinds or 'chest radiographs, reports, or both'}, as a diffcxr corpus."


def keywords_of(provenance: Mapping[str, Any]) -> list[str]:
    """What a corpus is found by."""
    return ["chest x-ray", "radiology", "medical"] + ["synthetic"] * bool(provenance.get("synthetic"))


def make_card(manifest: Mapping[str, Any]) -> str:
    """README.md for a corpus with this manifest."""
    front = yaml.safe_dump(_front_matter(manifest), sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{front}---\n\n{_body(manifest)}"


def _front_matter(manifest: Mapping[str, Any]) -> dict[str, Any]:
    licence = str(manifest["licence"])
    known = licence_url(licence) is not None
    named = {} if known else {"license_name": re.sub(r"[^a-z0-9.]+", "-", licence.lower()).strip("-")}
    return {
        "pretty_name": manifest["name"],
        "license": licence.lower() if known else "other",
        **named,
        "task_categories": ["text-to-image"],
        "tags": [word.replace(" ", "-") for word in manifest["keywords"]],
        "size_categories": [next((name for size, name in _SIZES.items() if manifest["rows"] < size), _HUGE)],
        "configs": [{"config_name": "default", "data_files": SHARD_FILES}],
    }


def _body(manifest: Mapping[str, Any]) -> str:
    facts = [
        ("rows", f"{manifest['rows']:,}"),
        ("shards", f"{len(manifest['shards']):,}"),
        *((f"left out: {reason}", f"{count:,}") for reason, count in manifest["rejects"].items()),
        ("licence", str(manifest["licence"])),
        ("made by", ", ".join(creator["name"] for creator in manifest["creator"])),
        ("digest", f"`{manifest['digest']}`"),
    ]
    origin = [(name, f"`{value}`") for name, value in manifest["provenance"].items() if value is not None]
    if manifest["parent"] is not None:
        origin += [(f"parent's {name}", f"`{value}`") for name, value in manifest["parent"].items()]
    parts = [
        f"# {manifest['name']}",
        manifest["description"],
        _table(facts),
        "## Columns",
        "`report_id` names the study, `sample_index` its films; the pair is unique. `text` is the prompt, "
        "`labels` are CheXpert's fourteen (1 present, 0 absent, -1 uncertain, null unmentioned), `image` "
        "holds PNG, JPEG or WebP bytes.",
        f"```python\nfrom datasets import load_dataset\n\n"
        f'load_dataset("parquet", data_files="{SHARD_FILES}", split="train")\n```',
        "`corpus.json` describes the same files as Croissant 1.0, and holds a digest of each.",
        "## How it came about",
        _table(origin),
    ]
    return "\n\n".join(parts) + "\n"


def _table(rows: list[tuple[str, str]]) -> str:
    lines = [f"| {name} | {value.replace('|', chr(92) + '|')} |" for name, value in rows]
    return "\n".join(["| | |", "|---|---|", *lines])
