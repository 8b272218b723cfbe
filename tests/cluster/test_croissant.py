"""corpus.json as a Croissant description and README.md as a card, by the readers of both formats."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlcroissant
import pytest
from huggingface_hub import DatasetCard

from cluster.corpus import Corpus, finish_corpus
from cluster.croissant import CONFORMS_TO, licence_url
from cluster.dataset_card import make_card
from cluster.schema import ROW_SCHEMA
from cluster.storage import Storage
from tests.generated_run import generated_run
from tests.reports_corpus import reports_corpus

# The spec's table of required properties, and `distribution`, which it requires in the section after it.
REQUIRED = ["@context", "@type", "conformsTo", "description", "license", "name", "url", "creator"]
REQUIRED += ["datePublished", "distribution"]
TEXT = "A shadow that is told nowhere else."


@pytest.fixture
def made(tmp_path: Path) -> Corpus:
    corpus = reports_corpus(tmp_path / "reports", texts={1: TEXT, 4: ""})
    generated_run(corpus, tmp_path / "images", samples_per_report=2)
    return Corpus.open(tmp_path / "images")


def records(corpus: Corpus) -> Iterator[dict[str, Any]]:
    described = mlcroissant.Dataset(jsonld=f"{corpus.uri}/corpus.json")
    assert not described.metadata.ctx.issues.errors
    warnings = described.metadata.ctx.issues.warnings
    assert all("citeAs" in warning for warning in warnings), "nobody has a paper of this set to cite"
    yield from described.records("rows")


def test_what_the_spec_requires_is_there(made: Corpus) -> None:
    manifest: Any = made.manifest
    assert all(manifest[name] for name in REQUIRED)
    assert (manifest["@type"], manifest["conformsTo"]) == ("sc:Dataset", CONFORMS_TO)
    assert manifest["datePublished"] in (datetime.now(UTC).date().isoformat(), _day_of(made))
    assert manifest["license"] == "https://spdx.org/licenses/CC0-1.0.html"
    assert {creator["@type"] for creator in manifest["creator"]} == {"sc:Organization"}
    fields = [field["@id"] for field in manifest["recordSet"][0]["field"]]
    assert len(set(fields)) == len(fields) == len(ROW_SCHEMA) - 1 + 14
    assert set(manifest) - set(REQUIRED) - {"version", "keywords", "recordSet"} <= set(manifest["@context"])


def test_croissant_s_own_reader_reads_every_row_and_film(made: Corpus, tmp_path: Path) -> None:
    rows = list(records(made))
    there = [row for table in made.tables() for row in table.to_pylist()]
    found = {(row["rows/report_id"].decode(), row["rows/sample_index"]): row["rows/seed"] for row in rows}
    assert found == {(row["report_id"], row["sample_index"]): row["seed"] for row in there}
    assert {row["rows/image"].size for row in rows} == {(128, 128)}
    assert len(list(records(Corpus.open(tmp_path / "reports")))) == 14  # without films or labels


def test_neither_tells_what_a_report_says(made: Corpus) -> None:
    for path in ("corpus.json", "README.md"):
        assert b"shadow" not in made.storage.read(path)
    assert TEXT in made.read(0)["text"].to_pylist()


def test_the_card_is_one_that_hugging_face_reads(made: Corpus) -> None:
    text = made.storage.read("README.md").decode()
    card = DatasetCard(text)
    assert (card.data.license, card.data.pretty_name) == ("cc0-1.0", "invented-synthetic")
    assert card.data.size_categories == ["n<1K"] and "synthetic" in card.data.tags
    assert card.data.to_dict()["configs"][0]["data_files"] == "shards/*.parquet"
    assert "| left out: empty prompt | 2 |" in text and "none may be used to diagnose" in text
    assert text == make_card(made.manifest)


def test_a_licence_in_words_is_kept_in_words(tmp_path: Path) -> None:
    corpus = finish_corpus(Storage.at(tmp_path), "x", 0, "plan", "Some Credentialed Licence 1.5", {})
    assert corpus.manifest["license"] == "Some Credentialed Licence 1.5"
    data = DatasetCard(corpus.storage.read("README.md").decode()).data
    assert (data.license, data.license_name) == ("other", "some-credentialed-licence-1.5")
    assert licence_url("unknown") is None


def _day_of(corpus: Corpus) -> str:
    return min(stored.modified for stored in corpus.storage.list()).astimezone(UTC).date().isoformat()
