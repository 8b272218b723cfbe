"""Ablation: what each of Diff-CXR's three parts is worth, at equal training compute.

On the embedded world, 8 % of whose training films are artefacts, four arms are trained from the same seeds in
the nano profile: conditioned on the report's raw word pieces; the same without the films that latent noise
filtering removes; on the concise tokens of vision-aware textual learning; and with the disease-knowledge
adapter. Each makes a film for every held-out report, and is measured against clean films of other patients.

All arms take as many floating-point operations, forward and backward, counted from the modules: what a part
itself needs (the language stage, the adapter stage) is taken from the denoiser's share. Not counted, nor in
an arm's `seconds`, is what frozen networks make of the corpus before: latents of films, the features by which
these are filtered, and states of texts, of which the adapter's arm has the most by far, for beside reports it
reads their hints and contrary reports (once a node, as the cache keeps them). An arm is trained on one core.

Arms are resumed below `--work`: run the same command again after an interruption. Once the corpora are there,
seeds can be trained side by side with `--only`; without it, the command makes the table. What an arm has come
to is kept in `--rows`, with its commit and machine, so that seeds may be measured on several; to measure one
again, delete its row, and its folder below `--work`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.arms import ARMS, BATCH, LANGUAGE_BATCH, RAW, Arm, Scale, operations, steps_of
from benchmarks.result import RESULTS, Bar, argument_parser, at_least, origin, write_result
from cluster.models import MINI
from cluster.session import connect
from diffcxr.profile import NANO
from jobs.command import main as diffcxr
from jobs.overrides import compose_config
from jobs.training_config import Config

TRAIN, HELD_OUT, REAL = 11, 12, 13  # worlds

PROFILE = "profile=nano"
SAMPLING_STEPS = 10
FULL = Scale(films=12_000, denoiser_steps=1_000, language_steps=300, adapter_steps=100, made=2_000, seeds=3)
QUICK = Scale(films=600, denoiser_steps=12, language_steps=4, adapter_steps=4, made=64, seeds=1)


def main() -> None:
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--work", type=Path, help="where arms are kept; default: below out/")
    parser.add_argument(
        "--rows", type=Path, help="where rows are kept; default: in the results, or in --work"
    )
    parser.add_argument("--only", type=int, help="train and measure this seed alone; no table")
    arguments = parser.parse_args()
    scale = QUICK if arguments.quick else FULL
    work: Path = arguments.work or Path("out", "ablation-quick" if arguments.quick else "ablation")
    kept = arguments.rows or (work / "rows" if arguments.quick else RESULTS / "ablation")
    steps = {arm.name: steps_of(arm, scale) for arm in ARMS}
    seeds = range(scale.seeds) if arguments.only is None else [arguments.only]
    with connect():
        rows = [row_of(kept, work, arm, seed, scale) for seed in seeds for arm in ARMS]
    if arguments.only is not None:
        return
    table = {
        arm.name: {
            metric: spread([row[metric] for row in rows if row["arm"] == arm.name])
            for metric in ("fid", "mauc", "seconds")
        }
        for arm in ARMS
    }
    for name, values in table.items():
        shown = ", ".join(f"{metric} {mean:.4g} +- {sd:.2g}" for metric, (mean, sd) in values.items())
        sys.stdout.write(f"{name:<12} {shown}\n")
    bars = bars_of(table)
    if arguments.quick:
        bars = [Bar(bar.name, bar.value, bar.bar, ok=True) for bar in bars]
    write_result(
        "ablation", bars, arguments.output, table=table, arms=rows, steps=steps,
        operations={name: operations(steps_) for name, steps_ in steps.items()},
        films=scale.films, made=scale.made, sampling_steps=SAMPLING_STEPS,
    )  # fmt: skip


def prepare(work: Path, scale: Scale) -> None:
    """The corpora and the filtering that all arms share."""
    worlds = {
        "train": [f"source.rows={scale.films}", f"source.seed={TRAIN}", "source.artefacts=0.08"],
        "reports": [f"source.rows={scale.made}", f"source.seed={HELD_OUT}", "source.images=false"],
        "real": [f"source.rows={scale.made}", f"source.seed={REAL}"],
    }
    for name, source in worlds.items():
        run(["corpus", "source=phantom", *source, f"output={work / name}"])
    run(["train", "stage=filter", f"data={work / 'train'}", f"output={work / 'filter'}"])


def row_of(kept: Path, work: Path, arm: Arm, seed: int, scale: Scale) -> dict[str, object]:
    """The row that is kept of an arm, if it was made by the same; else a new one, which is kept."""
    name = f"{arm.name.removeprefix('+ ').replace(' ', '-').lower()}-{seed}"
    steps = steps_of(arm, scale)
    made_by: dict[str, object] = {
        "steps": steps,
        "recipe": {stage: recipe_of(stage) for stage in steps},
        "films": scale.films,
        "made": scale.made,
        "sampling_steps": SAMPLING_STEPS,
        "worlds": [TRAIN, HELD_OUT, REAL],
        "weights": {part: weights_of(part) for part in ("autoencoder", "classifier")},
    }
    path = kept / f"{name}.json"
    if path.exists():
        row: dict[str, object] = json.loads(path.read_text())
        if made_by == {key: row.get(key) for key in made_by}:
            return row
    prepare(work, scale)
    recipe = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:8]
    row = measure(work, work / f"{name}-{recipe}", arm, seed, steps) | made_by | origin()
    kept.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(row, indent=1) + "\n")
    return row


def measure(work: Path, folder: Path, arm: Arm, seed: int, steps: Mapping[str, int]) -> dict[str, object]:
    """Train an arm in its folder, make its films, measure them."""
    for stage, count in steps.items():
        options = [f"stage={stage}", f"data={work / 'train'}", f"output={folder / 'model'}", f"seed={seed}"]
        options += [PROFILE, f"{stage}.steps={count}", "split=null", "threads=1"]
        if arm.filtered:
            options.append(f"filter={work / 'filter'}")
        if stage == "denoiser" and not arm.concise:
            options.append(f"denoiser.raw_tokens={RAW}")
        run(["train", *options])
    images, measures = folder / "images", folder / "measures"
    run(
        [
            "generate",
            f"corpus={work / 'reports'}",
            f"model={folder / 'model'}",
            f"output={images}",
            f"seed={seed}",
            f"steps={SAMPLING_STEPS}",
        ]
    )
    run(
        [
            "evaluate",
            f"real={work / 'real'}",
            f"synthetic={images}",
            f"output={measures}",
            f"cache={work / 'cache'}",
        ]
    )
    scores = json.loads((measures / "metrics.json").read_text())
    return {
        "arm": arm.name,
        "seed": seed,
        "fid": value_of(scores, "fid"),
        "mauc": value_of(scores, "mauc_label"),
        "seconds": sum(seconds_of(folder / "model", stage) for stage in steps),
    }


def recipe_of(stage: str) -> dict[str, object]:
    """What a stage is trained with in the nano profile, but for how many steps."""
    given = [f"stage={stage}", "data=", "output=", PROFILE]
    options = asdict(getattr(compose_config("train", Config, given), stage))
    return {name: value for name, value in options.items() if name != "steps"}


def weights_of(part: str) -> str:
    """The beginning of SHA-256 of the weights of one of mini's parts: all arms are trained on the one, and
    judged by the other.
    """
    (weights,) = (MINI / part).glob("*.safetensors")
    return hashlib.sha256(weights.read_bytes()).hexdigest()[:16]


def seconds_of(model: Path, stage: str) -> float:
    """What a stage's steps took, by its log, whatever interrupted them."""
    seconds, before = 0.0, 0
    batch = LANGUAGE_BATCH if stage == "language" else BATCH
    for line in (model / "training" / stage / "log.jsonl").read_text().splitlines():
        record = json.loads(line)
        seconds += (record["step"] - before) * batch / record["samples_per_second"]
        before = record["step"]
    return seconds


def value_of(scores: Sequence[Mapping[str, object]], metric: str) -> float:
    (row,) = [row for row in scores if row["metric"] == metric and row["subset"] == "all"]
    return float(str(row["value"]))


def run(job: list[str]) -> None:
    """A job, as a person would type it. Raises SystemExit where it does not end well."""
    code = diffcxr(job)
    if code:
        raise SystemExit(code)


def spread(values: Sequence[object]) -> tuple[float, float]:
    """Mean and standard deviation over seeds (0 for one seed)."""
    numbers = np.array(values, float)
    return float(numbers.mean()), float(numbers.std(ddof=1)) if len(numbers) > 1 else 0.0


def bars_of(table: Mapping[str, Mapping[str, tuple[float, float]]]) -> list[Bar]:
    """The whole against the first arm, and each part against the arm before it, in its own spread."""
    first, whole = table[ARMS[0].name], table[ARMS[-1].name]
    bars = [
        at_least("FID better than text only, share", 1 - whole["fid"][0] / first["fid"][0], 0.25),
        at_least("mAUC better than text only, share", whole["mauc"][0] / first["mauc"][0] - 1, 0.08),
        at_least("places for word pieces over concise tokens", RAW / NANO.context_tokens, 8),
    ]
    for before, arm in pairwise(ARMS):
        here, there = table[arm.name], table[before.name]
        for metric, sign in (("fid", -1), ("mauc", 1)):
            gain = sign * (here[metric][0] - there[metric][0])
            worst = -max(here[metric][1], there[metric][1])
            bars.append(at_least(f"{metric} gained by {arm.name}, against its sd", gain, worst))
    return bars


if __name__ == "__main__":
    main()
