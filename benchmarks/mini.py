"""The shipped model: what its judge, its autoencoder and its films are worth on patients that it never saw.

One judge, the classifier of the model folder, scores real phantom films, the autoencoder's reconstructions of
them, and films generated from their reports; the truth is the phantom's. Shuffled reports are the floor. With
the real films of NIH ChestX-ray14 at hand (`--films`), its AUC there is printed too, whatever it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.films import BATCH, GUIDANCE, Films, Sample, hint_of, make_films
from benchmarks.result import Bar, argument_parser, at_least, at_most, write_result
from cluster.codec import decode_image, to_uint8
from cluster.models import fetch_model, model_digest
from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.findings import CHEXPERT_14
from diffcxr.seeds import sample_seed
from diffcxr.sources.files import LocalFiles
from diffcxr.sources.phantom import phantom_rows
from diffcxr.sources.row import Row
from diffcxr.sources.table import table_rows
from diffcxr.training.autoencoder import to_unit
from eval.auc import MIN_OF_EACH_CLASS, auc
from eval.downstream.classifier import FindingClassifier

WORLD = 7001  # no patient of which the model was trained on
STEPS = 20

Scores = NDArray[np.float32]


def main() -> None:
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--model", default="mini", help="as in `generate`")
    parser.add_argument(
        "--films", type=Path, default=Path("../shared/data/cxr_256"), help="real films, a table"
    )
    arguments = parser.parse_args()
    folder = fetch_model(arguments.model)
    judge = FindingClassifier.from_pretrained(folder / "classifier")
    autoencoder = FilmAutoencoder.from_pretrained(folder / "autoencoder")

    rows = list(phantom_rows(300 if arguments.quick else 4000, WORLD))
    generated_rows = rows[: 200 if arguments.quick else 1000]
    films = np.stack([decode_image(row.image or b"") for row in rows])
    real = finding_aucs(judge.predict(films), rows)
    reconstructed = finding_aucs(judge.predict(reconstruct(autoencoder, films)), rows)
    samples = [
        Sample(row.text, hint_of(row.text), sample_seed(0, row.report_id, 0)) for row in generated_rows
    ]
    scores = judge.predict(make_films(folder, samples, STEPS))
    generated = finding_aucs(scores, generated_rows)
    shuffled = finding_aucs(
        np.roll(scores, 101, axis=0), generated_rows
    )  # no report of a neighbouring patient

    bars = [
        at_least("macro AUC on held-out films", mean(real), 0.97),
        at_least("macro AUC on reconstructions", mean(reconstructed), 0.97),
        at_least("lowest AUC of a finding on reconstructions", min(reconstructed.values()), 0.85),
        at_least("mAUC of generated films", mean(generated), 0.88),
        at_most("distance of mAUC from 0.5, shuffled reports", abs(mean(shuffled) - 0.5), 0.03),
    ]
    if arguments.quick:  # too few films for the bars to hold a model to
        bars = [Bar(bar.name, bar.value, bar.bar, ok=True) for bar in bars]
    write_result(
        "mini",
        bars,
        arguments.output,
        model=model_digest(folder),
        world=WORLD,
        films=len(rows),
        generated=len(generated_rows),
        steps=STEPS,
        guidance=GUIDANCE,
        auc={"real": real, "reconstructed": reconstructed, "generated": generated, "shuffled": shuffled},
        nih=nih_aucs(judge, arguments.films),
    )


@torch.inference_mode()
def reconstruct(autoencoder: FilmAutoencoder, films: Films) -> Films:
    """Films (n, 128, 128) through the autoencoder and back."""
    made = []
    for start in range(0, len(films), BATCH):
        decoded = autoencoder.decode(autoencoder.encode(to_unit(films[start : start + BATCH])))
        made.append(to_uint8(decoded[:, 0].clamp(0, 1).numpy()))
    return np.concatenate(made)


def finding_aucs(scores: Scores, rows: list[Row]) -> dict[str, float]:
    """AUC of each finding with enough films of either class; uncertain ones are left out."""
    truth = np.array([[(row.labels or {}).get(name) or 0 for name in CHEXPERT_14] for row in rows], np.int8)
    aucs = {}
    for k, name in enumerate(CHEXPERT_14):
        known = truth[:, k] >= 0
        positive = truth[known, k] == 1
        if min(positive.sum(), (~positive).sum()) >= MIN_OF_EACH_CLASS:
            aucs[name] = auc(scores[known, k], positive)
    return aucs


def nih_aucs(judge: FindingClassifier, root: Path) -> dict[str, float] | None:
    """AUC on real films of NIH ChestX-ray14, which the judge never saw the like of; None without films."""
    if not root.is_dir():
        return None
    rows = [
        row
        for row in table_rows(LocalFiles(root))
        if isinstance(row, Row) and row.report_id.startswith("nih")
    ]
    if not rows:
        return None
    films = np.stack([decode_image(row.image or b"") for row in rows])
    found = finding_aucs(judge.predict(films), rows)
    shown = {name: found[name] for name in ("Pleural Effusion", "Cardiomegaly") if name in found}
    sys.stdout.write(f"on {len(rows)} real NIH films: {shown}\n")
    return found


def mean(aucs: dict[str, float]) -> float:
    return float(np.mean(list(aucs.values())))


if __name__ == "__main__":
    main()
