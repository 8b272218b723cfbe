"""`diffcxr train`: one stage of a model, or all of them in order, on Ray Train."""

from __future__ import annotations

import sys

from cluster.corpus import Corpus
from cluster.storage import Storage
from cluster.training import train_on_workers
from cluster.training_run import TrainingRun
from diffcxr.errors import RefusedError
from jobs.command import main
from jobs.stages.parts import check_weights
from jobs.stages.sequence import FilmsRead, Sequence, read_removed, stage_settings, train_stages
from jobs.summary import Summary
from jobs.training_bars import TrainingBars
from jobs.training_config import ALONE, STAGES, Config, check_config, stages_of, with_absolute_paths
from jobs.training_workers import training_workers

_LATER = {
    "autoencoder": ("denoiser", "adapter"),
    "language": ("denoiser", "adapter"),
    "denoiser": ("adapter",),
}
"""The stages that build on a stage."""


def run(config: Config) -> Summary:
    """Train; returns each stage's last loss. Raises InputError, and RefusedError on another run's output."""
    check_config(config)
    config = with_absolute_paths(config)
    check_weights(config)
    corpus, output = Corpus.open(config.data), Storage.at(config.output)
    output.check_writable()
    if config.stage == "filter":
        from jobs.stages.filter import run_filter  # scikit-learn and diffusers, which no other driver needs

        return run_filter(config, corpus, output)
    stages = stages_of(config)
    waiting = _waiting(config, corpus, output, stages)
    films = _train(Sequence(config, waiting)) if waiting else None
    losses = {stage: TrainingRun.loss_of(output, stage) for stage in stages}
    before = [stage for stage in stages if stage not in waiting]
    values = {
        "stages": list(stages),
        "corpus": corpus.digest,
        "films": films,  # null where all was finished before
        "loss": losses,
        "output": output.uri,
    }
    table: list[tuple[object, ...]] = [("stage", "loss")]
    table += [(stage, loss, "finished before" if stage in before else "") for stage, loss in losses.items()]
    table += [("films", films)] if waiting else []
    table += [("model", output.uri)]
    alone = [stage for stage in waiting if stage in ALONE and config.workers > 1]
    note = f"stage {alone[0]} was trained by one of the {config.workers} workers" if alone else ""
    folder = output.child("training")
    told = folder.exists("summary.json") and not waiting  # by the call that trained
    return Summary(values=values, table=table, output=None if told else folder.uri, note=note)


def _waiting(config: Config, corpus: Corpus, output: Storage, stages: tuple[str, ...]) -> tuple[str, ...]:
    """The stages from the first one that is not finished.

    Raises RefusedError where the output holds another run of one of them, or a part that would be replaced
    below a later one, and InputError where a part to build on is missing: before anything starts.
    """
    removed = read_removed(config, corpus)
    begun = {stage: TrainingRun.begun(output, stage) for stage in STAGES}
    for stage in stages:
        later = next((one for one in _LATER.get(stage, ()) if begun[one]), None)
        if later and not begun[stage]:
            what = f"the output holds stage {later}, trained with another {stage}"
            raise RefusedError(what, output.uri, "Choose a new output.")
    for number, stage in enumerate(stages):
        settings = stage_settings(config, corpus, removed, stage)
        if not (begun[stage] and TrainingRun(output, stage, settings).finished):
            return stages[number:]
    return ()


def _train(sequence: Sequence) -> int:
    """Train in workers, with their progress on this screen; the number of films."""
    films = 0
    with training_workers(sequence.config) as workers, TrainingBars() as bars:
        for told in train_on_workers(train_stages, sequence, workers):
            if isinstance(told, FilmsRead):
                films = told.count
            else:
                bars.show(told)
    return films


if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
