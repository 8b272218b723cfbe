"""What a reader must know before any score: what the films are of, and what may be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.corpus import Corpus
from cluster.models import MINI, model_digest
from jobs.page.gallery import source_of
from jobs.page.runs import Generated, Runs


@dataclass(frozen=True, slots=True)
class Caution:
    title: str
    text: str


def make_caution(runs: Runs, corpora: Sequence[Corpus]) -> Caution:
    """The caution that these runs need; `corpora` are the real and phantom ones at hand."""
    parents = [run.corpus.manifest.get("parent") for run in runs.generated if run.corpus is not None]
    named = {str(parent.get("name")) for parent in parents if isinstance(parent, Mapping)}
    references = " ".join(s.reference or "" for found in runs.evaluations for s in found.scores).lower()
    is_phantom = "phantom" in named | {source_of(corpus) for corpus in corpora} or "phantom" in references
    if is_phantom or any(_is_embedded(run) for run in runs.generated):
        return Caution(
            "Embedded phantom world, not MIMIC-CXR.",
            "Phantom films, also where a table calls them real, are drawn by a program with known findings; "
            "the embedded model and classifier learnt from such drawings. No score of theirs is one on films "
            "of patients.",
        )
    return Caution(
        "Every score holds for the reference named beside it.",
        "Scores on different references, feature extractors or numbers of films cannot be compared.",
    )


def _is_embedded(run: Generated) -> bool:
    there = (MINI / "model_index.json").is_file()
    return there and run.record.pixels.get("model_digest") == model_digest(MINI)
