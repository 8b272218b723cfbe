"""Vision-aware textual learning: how often a film's own report is found among a hundred.

The same dual encoder is trained three times on the embedded world: with either squeeze, and with the frozen
report's mean under a linear projection. Held-out films then look for their reports among 100, no two of which
say the same: first of the fourteen findings, then of every lesion with its kind, side and zone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Hashable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from benchmarks.result import Bar, argument_parser, at_least, write_result
from cluster.training_data import decode_film
from diffcxr.findings import CHEXPERT_14
from diffcxr.language.film_encoder import FilmEncoder, small_backbone
from diffcxr.language.report_encoder import ReportEncoder, SqueezeName
from diffcxr.language.text_encoder import TextEncoder
from diffcxr.sources.phantom import phantom_rows
from diffcxr.sources.row import Row
from diffcxr.training.autoencoder import to_unit
from diffcxr.training.language import LanguageStage
from diffcxr.training.loop import LoopConfig, TrainingLoop
from diffcxr.training.text_states import TextStates, encode_texts
from eval.retrieval import ranks

TRAINED_ON, TESTED_ON = 9001, 9002
DRAWS, CANDIDATES = 200, 100
SQUEEZES: dict[SqueezeName, int] = {"attention": 16, "conv": 16, "mean": 1}
"""Each with its number of tokens."""

Films = NDArray[np.uint8]
Cosines = NDArray[np.float32]  # (n, n), of films by reports


def main() -> None:
    arguments = argument_parser(__doc__ or "").parse_args()
    pairs, steps = (2000, 150) if arguments.quick else (20000, 2500)
    training = list(phantom_rows(pairs, TRAINED_ON, workers=2))
    held_out = list(phantom_rows(400 if arguments.quick else 2500, TESTED_ON, workers=2))
    texts = encode_texts(TextEncoder(), [row.text for row in training])
    held_out_texts = encode_texts(TextEncoder(), [row.text for row in held_out])
    films, held_out_films = films_of(training), films_of(held_out)

    recalls: dict[str, dict[str, float]] = {}
    for squeeze, tokens in SQUEEZES.items():
        stage = train(squeeze, tokens, films, texts, labels_of(training), steps)
        cosines = match(stage, held_out_films, held_out_texts)
        recalls[squeeze] = {
            "findings_r1": recall(cosines, [said_of_findings(row) for row in held_out], 1),
            "findings_r5": recall(cosines, [said_of_findings(row) for row in held_out], 5),
            "lesions_r1": recall(cosines, [said_of_lesions(row) for row in held_out], 1),
            "lesions_r5": recall(cosines, [said_of_lesions(row) for row in held_out], 5),
        }
        sys.stdout.write(f"{squeeze}: {recalls[squeeze]}\n")
    ours = ReportEncoder().config.squeeze
    fewer = {
        key: 1 - (1 - recalls[ours][key]) / (1 - recalls["mean"][key])
        for key in ("findings_r1", "lesions_r1")
    }
    bars = [
        at_least("share of R@1 errors saved, reports that differ in a finding", fewer["findings_r1"], 0.30),
        at_least("share of R@1 errors saved, reports that differ in a lesion", fewer["lesions_r1"], 0.30),
        at_least(
            "R@1 of attention less conv's (lesions)",
            recalls["attention"]["lesions_r1"] - recalls["conv"]["lesions_r1"],
            0.0,
        ),
    ]
    if arguments.quick:  # too few pairs for the bars
        bars = [Bar(bar.name, bar.value, bar.bar, ok=True) for bar in bars]
    write_result(
        "language", bars, arguments.output, default=ours, pairs=pairs, steps=steps, held_out=len(held_out),
        candidates=CANDIDATES, draws=DRAWS, recall=recalls,
    )  # fmt: skip


def train(
    squeeze: SqueezeName,
    tokens: int,
    films: Films,
    texts: TextStates,
    labels: NDArray[np.int8],
    steps: int,
) -> LanguageStage:
    """A dual encoder, trained; its weights are the averaged ones."""
    torch.manual_seed(0)
    report_encoder = ReportEncoder(squeeze=squeeze, tokens=tokens)
    stage = LanguageStage(report_encoder, FilmEncoder(small_backbone()), films, texts, labels)
    config = LoopConfig(steps=steps, batch_size=64, learning_rate=1e-3, warmup=min(200, steps // 10))
    loop = TrainingLoop(stage, config)
    for record in loop.run(record_every=100):
        sys.stdout.write(f"\r{squeeze} step {record.step}, loss {record.loss:.3f}  ")
    loop.use_average()
    sys.stdout.write("\n")
    return stage


@torch.inference_mode()
def match(stage: LanguageStage, films: Films, texts: TextStates) -> Cosines:
    """Cosines of every film with every report."""
    stage.modules.eval()
    rows = np.array_split(np.arange(len(films)), len(films) // 50)
    film = torch.cat([stage.film_encoder(to_unit(films[part])) for part in rows])
    report = torch.cat([stage.report_encoder(*texts.batch(part)).whole for part in rows])
    cosines: Cosines = (F.normalize(film, dim=1) @ F.normalize(report, dim=1).T).numpy()
    return cosines


def recall(cosines: Cosines, said: Sequence[Hashable], at: int) -> float:
    """The mean share of films whose own report is among the `at` nearest of CANDIDATES that differ."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(DRAWS):
        picked: dict[Hashable, int] = {}
        for row in random.permutation(len(said)):
            picked.setdefault(said[row], row)
            if len(picked) == CANDIDATES:
                break
        rows = np.fromiter(picked.values(), int)
        among = cosines[np.ix_(rows, rows)]
        found.append(float((ranks(among) < at).mean()))
    return float(np.mean(found))


def said_of_findings(row: Row) -> Hashable:
    return tuple((row.labels or {}).get(name) for name in CHEXPERT_14)


def said_of_lesions(row: Row) -> Hashable:
    truth = json.loads(row.truth or "{}")
    lesions = {(one["name"], one["kind"], one["side"], one["zone"]) for one in truth["lesions"]}
    return frozenset(lesions), frozenset(truth["suspected"])


def films_of(rows: Sequence[Row]) -> Films:
    return np.stack([decode_film(row.image or b"", 128) for row in rows])


def labels_of(rows: Sequence[Row]) -> NDArray[np.int8]:
    return np.array([[(row.labels or {}).get(name) or 0 for name in CHEXPERT_14] for row in rows], np.int8)


if __name__ == "__main__":
    main()
