"""The published protocols that presets of `evaluate` follow: which rows are theirs, and what is wrong there.

Each has a file in conf/preset with the options that measure it; docs/presets.md says the same in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cluster.film_slices import REAL, REFERENCE, Selection, first_films
from eval.ms_ssim import SAMPLES, Likeness
from eval.prdc import NAMES
from eval.scores import Score

SPLITS = {REAL: "test", REFERENCE: "train"}
"""Which real films the presets take; another split may be typed beside them, and is then a fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a paper's table."""

    metric: str  # as in metrics.json; of mAUCs all means and findings
    extractor: str | None
    reference: str | None = REAL  # the side whose films it is a distance from; None: it is no distance
    films: int | None = None  # that it takes of either side; None: a synthetic one for each of its reports
    prompts: int | None = None  # with SAMPLES films each, where it takes those and no other films
    but: str = ""  # in what the value here is not theirs to the letter
    fault: str = ""  # what is wrong with it, and what to read instead


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    source: str  # the paper, and the code that was read
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """The synthetic films that are there to be measured."""

    films: int
    reports: int  # that they were made from
    prompts: int  # whose likeness was measured, on SAMPLES films each

    @classmethod
    def of(cls, synthetic: Selection, likeness: Likeness) -> Generated:
        """Reads ids, and no images."""
        keys, firsts, _ = first_films(synthetic)
        return cls(films=len(keys), reports=len(np.unique(firsts)), prompts=len(likeness.prompts))


_TRAINED = "the paper takes it from training films, which copies of them would win: read that from test films"
_ENLARGED = "films are shrunk to 299 pixels before RAD-DINO enlarges them to 518: read that of rad_dino"
_SUBSETS = (
    "of all films, which their 100 subsets as large as the smaller side estimate and, of equal sides, are"
)
_ONE_SET = "where sides are equal, its subsets are one set, whose spread is nothing: read kid"
_SPLITS = (
    "splits of few films make it larger; and a softmax over pooled features stands for class probabilities"
)
_READ_BY_ITSELF = (
    "the truth is the classifier's own reading, at operating points of other data, and what it gets wrong on "
    "both films is rewarded: read mauc_label beside it"
)
_SWAPPED = f"its tables 4 and 8 have AUROC and F1 the other way round; {_READ_BY_ITSELF}"

PROTOCOLS = {
    "diff_cxr": Protocol(
        source="Diff-CXR, arXiv 2410.20165; Clarezero/UniMedDiff, tools/my_fid_score.py",
        lines=(
            Line(metric="fid", extractor="inception_256", reference=REFERENCE, fault=_TRAINED),
            Line(metric="mauc_paired", extractor="xrv_findings", reference=None, fault=_READ_BY_ITSELF),
        ),
    ),
    "chexgenbench": Protocol(
        source="CheXGenBench, arXiv 2505.10496; Raman1121/CheXGenBench, metrics/fid.py",
        lines=(
            Line(metric="fid", extractor="rad_dino_299", fault=_ENLARGED),
            Line(
                metric="kid_whole",
                extractor="rad_dino_299",
                but=_SUBSETS,
                fault=f"{_ONE_SET}; {_ENLARGED}",
            ),
            *(Line(metric=name, extractor="rad_dino_299", fault=_ENLARGED) for name in NAMES),
            Line(metric="fid", extractor="inception_299"),
            Line(metric="kid_whole", extractor="inception_299", but=_SUBSETS, fault=_ONE_SET),
            Line(
                metric="inception_score_10",
                extractor="inception_299",
                but="in splits by hashes of films, where theirs are drawn at random",
                fault=f"{_SPLITS}: read that of inception",
            ),
            Line(
                metric="alignment",
                extractor="biovil_t",
                reference=None,
                but="not rounded to three decimals before the mean",
                fault="it has no interval and no floor: read it beside the floor of wrong reports",
            ),
        ),
    ),
    "roentgen": Protocol(
        source="RoentGen, arXiv 2211.12737; StanfordMIMI/RoentGen, eval/",
        lines=(
            Line(
                metric="fid",
                extractor="inception_clean",
                films=5000,
                but="by pytorch-fid's file of Inception, where clean-fid has StyleGAN's of the same graph",
            ),
            Line(
                metric="fid",
                extractor="xrv_clean",
                films=5000,
                fault="films are stretched before the crop, which then crops nothing: read that of xrv",
            ),
            Line(
                metric="ms_ssim_valid",
                extractor=None,
                prompts=2000,
                fault="it has no floor and no interval: read both here, and ms_ssim beside it",
            ),
        ),
    ),
    "llm_cxr": Protocol(
        source="LLM-CXR, arXiv 2305.11490, sections 3.3 and D",
        lines=(
            Line(metric="fid", extractor="inception"),
            Line(
                metric="fid",
                extractor="xrv",
                but="with torchxrayvision's own preprocessing, which the paper does not tell",
            ),
            Line(
                metric="mauc_paired",
                extractor="xrv_findings",
                reference=None,
                fault=_SWAPPED,
            ),
            Line(
                metric="f1_paired",
                extractor="xrv_findings",
                reference=None,
                fault=_SWAPPED,
            ),
        ),
    ),
}


def follow_protocol(
    scores: Sequence[Score], protocol: Protocol, selections: Mapping[str, Selection], generated: Generated
) -> list[Score]:
    """The scores, of which those that are rows of the paper's tables say so, and what is wrong with them."""
    return [_marked(score, protocol, selections, generated) for score in scores]


def _marked(
    score: Score, protocol: Protocol, selections: Mapping[str, Selection], generated: Generated
) -> Score:
    for line in protocol.lines:
        if _is(score, line, selections):
            source = f"{protocol.source}; but {line.but}" if line.but else protocol.source
            split = selections[line.reference or REAL].split
            faults = "; ".join(_faults(score, line, split, generated))
            return replace(score, protocol=source, fault=faults or None)
    return score


def _is(score: Score, line: Line, selections: Mapping[str, Selection]) -> bool:
    if score.against is not None or score.extractor != line.extractor:
        return False
    mean = score.metric.removesuffix("_micro").removesuffix("_weighted")
    side = line.reference
    named = side is None or (side in selections and score.reference == selections[side].name)
    return mean == line.metric and named


def _faults(score: Score, line: Line, split: str | None, generated: Generated) -> Iterator[str]:
    """What is wrong with the line, then where the films that were measured are not those that it takes."""
    if line.fault:
        yield line.fault
    if split != (theirs := SPLITS[line.reference or REAL]):
        yield f"its preset takes real films of split {theirs}, and these are of {split or 'all splits'}"
    if line.prompts is not None:
        if line.prompts != (n := generated.prompts):
            yield f"it takes {line.prompts:,} prompts with {SAMPLES} films each, and these are {n:,}"
    elif line.films is not None:
        if (score.n_real, score.n_synthetic) != (line.films, line.films):
            these = f"{score.n_real:,} real and {score.n_synthetic:,} synthetic ones"
            yield f"it takes {line.films:,} films of either side, and these are {these}"
    elif generated.films != generated.reports:
        these = f"{generated.films:,} of {generated.reports:,} reports"
        yield f"it takes one film for each report, and these are {these}"
