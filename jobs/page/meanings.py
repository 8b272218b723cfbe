"""What each metric is called, and what it says to somebody who meets it first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eval.retrieval import AT

Better = Literal["higher", "lower", ""]


@dataclass(frozen=True, slots=True)
class Measure:
    """What a metric is called, which way is better, and what it says to somebody who meets it first."""

    title: str
    better: Better
    meaning: str


_AUC = "How well a finding can be told from the films: 1 is always, 0.5 is guessing."
MEASURES = {
    "fid": Measure(
        "FID",
        "lower",
        "Fréchet distance between the features of the synthetic and of the real films. Its floor is what two "
        "sets of real films score against each other.",
    ),
    "fid_infinity": Measure(
        "FID∞",
        "lower",
        "FID as it would be with films without end: the end of a line through its values at several "
        "numbers of films, each of which is too high by what falls with the number.",
    ),
    "fid_finding": Measure(
        "FID of a finding",
        "lower",
        "FID of the synthetic films whose report tells of a finding, from the real ones whose report does. "
        "It falls with the number of films: findings are compared by how far each is from its own floor.",
    ),
    "kid": Measure(
        "KID", "lower", "Kernel distance between the same features; without FID's bias at small n."
    ),
    "kid_whole": Measure(
        "KID of all films", "lower", "The same between all films at once, not between subsets."
    ),
    "precision": Measure("Precision", "higher", "The share of synthetic films that look like some real one."),
    "recall": Measure("Recall", "higher", "The share of real films that some synthetic one looks like."),
    "density": Measure(
        "Density", "higher", "How crowded with real films the places of the synthetic ones are."
    ),
    "coverage": Measure(
        "Coverage", "higher", "The share of real films with a synthetic one in their vicinity."
    ),
    "vendi": Measure(
        "Vendi score",
        "higher",
        "How many films, unlike each other, the synthetic ones are worth. Its ceiling is as many real films.",
    ),
    "inception_score": Measure(
        "Inception score",
        "higher",
        "Whether a network of photographs is sure what it sees in each film, and sees many things in all. "
        "Radiographs are not what it knows: a small number, told for comparison.",
    ),
    "inception_score_10": Measure(
        "Inception score, ten splits",
        "higher",
        "The mean over ten splits of the films, as papers print it; the fewer films, the larger it is.",
    ),
    "ms_ssim_valid": Measure(
        "MS-SSIM, edges left out",
        "lower",
        "The same where the window fits into the film at the last scale too, as pytorch-msssim takes it.",
    ),
    "ms_ssim": Measure(
        "MS-SSIM",
        "lower",
        "How alike four films of one prompt are; 1 is copies. Its floor is real films of four patients.",
    ),
    "alignment": Measure(
        "Alignment",
        "higher",
        "How near a model that reads films and reports puts a film to its own report: a cosine. Its floor is "
        "the same films with other patients' reports, its ceiling real films.",
    ),
    **{
        f"retrieval_r{at}": Measure(
            f"Report found at {at}",
            "higher",
            f"How often a film's own report is among the {at} nearest of a hundred that differ. Its floor is "
            "chance, its ceiling real films.",
        )
        for at in AT
    },
    "mauc_label": Measure(
        "Label mAUC",
        "higher",
        "A classifier that learnt from real films reads the synthetic ones; truth is the report's labels, "
        "the mean over findings. Its ceiling is real films, its floor is shuffled reports. " + _AUC,
    ),
    "auc_label": Measure("Label AUC", "higher", "The same for one finding. " + _AUC),
    "mauc_paired": Measure(
        "Paired mAUC",
        "higher",
        "The truth is what the same classifier reads in the paired real film. " + _AUC,
    ),
    "mauc_label_micro": Measure(
        "Label mAUC, micro", "higher", "The same over all films and findings together, common ones the most."
    ),
    "mauc_label_weighted": Measure(
        "Label mAUC, weighted", "higher", "The mean in which each finding counts as often as it is there."
    ),
    "mauc_paired_micro": Measure(
        "Paired mAUC, micro", "higher", "With paired truth, over all films and findings together."
    ),
    "mauc_paired_weighted": Measure(
        "Paired mAUC, weighted", "higher", "With paired truth, each finding counting as often as it is there."
    ),
    "f1_label": Measure(
        "F1",
        "higher",
        "Of hits and false alarms, at thresholds chosen on other real films; the mean over findings.",
    ),
    "f1_label_micro": Measure("F1, micro", "higher", "The same over all films and findings together."),
    "f1_paired": Measure(
        "Paired F1",
        "higher",
        "The truth is what the classifier sees on the paired real film, at its own thresholds.",
    ),
    "f1_paired_micro": Measure(
        "Paired F1, micro", "higher", "With paired truth, over all films and findings together."
    ),
    "ece_label": Measure(
        "Calibration error",
        "lower",
        "How far the classifier's probabilities are from how often the finding is there (ECE).",
    ),
    "brier_label": Measure(
        "Brier score", "lower", "The mean squared distance of the classifier's probabilities from the truth."
    ),
    "downstream_macro_auc": Measure(
        "Downstream macro AUC",
        "higher",
        "A classifier is trained on one arm's films and tested on held-out real ones; mean over findings. "
        + _AUC,
    ),
    "downstream_auc": Measure("Downstream AUC", "higher", "The same for one finding. " + _AUC),
}
