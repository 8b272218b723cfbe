"""`diffcxr evaluate publish=`, and `evaluate real=` with what that wrote: FID without the real films."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from cluster.corpus import Corpus
from cluster.evaluation import Totals, measure
from cluster.feature_cache import FeatureCache
from cluster.film_slices import REAL, SYNTHETIC, Census, Selection, take_census
from cluster.measurer import Instruments
from cluster.reference_file import (
    SUFFIX,
    Facts,
    Published,
    is_reference,
    place_of,
    read_facts,
    read_reference,
    write_reference,
)
from cluster.run_record import RunRecord, create_or_resume
from cluster.scoring import classifier_scores
from cluster.session import connect
from cluster.storage import Storage
from diffcxr.errors import InputError, RefusedError
from eval.fid import Side
from eval.floors import FloorPlan, plan_floor
from eval.groups import GROUPS, groups
from eval.reference import check_enough, fid_against, reference_of
from eval.scores import Score, scores_to_json, scores_to_parquet
from jobs.evaluation_config import Config
from jobs.event_lines import event_lines
from jobs.metric_files import METRICS_PATH, TABLE_PATH, scores_there
from jobs.progress import Progress, progress
from jobs.reference_summary import published_summary, scored_summary
from jobs.summary import Summary

_AGAINST = ("fid", "mauc")
"""What can be measured without a row of a real film; mAUC has no ceiling then."""


def publish(config: Config, instruments: Instruments) -> Summary:
    """Writes the reference of `real`; the same command again says what is there.

    Raises InputError for options that do not go together and where the films are too few to be published,
    RefusedError where something else is at the path.
    """
    path = str(config.publish)
    if config.synthetic is not None:
        raise InputError("a reference is of real films alone", "synthetic", "Leave it out of this run.")
    if "fid" not in config.metrics or not is_reference(path):
        fix = f"Give a path that ends in {SUFFIX}, and fid among the metrics."
        raise InputError("what is published is what FID takes, as safetensors", "publish", fix)
    selection = Selection(Corpus.open(config.real), config.real_split)
    instruments = replace(instruments, classifier=None, moments=True, rows=False)
    output = Storage.at(config.output)
    record = RunRecord(
        pixels={"extractors": {extractor.name: extractor.digest for extractor in instruments.all}},
        plan={
            "job": "publish",
            "groups": config.publish_groups,
            "floor": config.publish_floor,
            REAL: {"corpus": selection.corpus.digest, "split": selection.split},
        },
    )
    if (there := read_facts(path)) is not None:
        if there.run != record.plan_hash:
            raise RefusedError("another reference is there already", path, "Choose another path.")
        return published_summary(path, read_reference(path), output)
    folder, _ = place_of(path)
    cache = FeatureCache.at(config.cache, output)
    for storage in (output, cache.storage, folder):
        storage.check_writable()
    census = take_census(selection)
    patients, keys = np.concatenate(census.patients), np.concatenate(census.keys)
    counts = np.bincount(groups(patients), minlength=GROUPS) if config.publish_groups else [len(keys)]
    for extractor in instruments.extractors:
        with _said_of(extractor.name, selection):
            check_enough([int(count) for count in counts], extractor.dimension)
    create_or_resume(output, record)
    halves = np.bincount(groups(patients) % 2, minlength=2)
    # What halves leave out could be told from the whole by subtraction: it has to be no few films.
    most = max(int(halves.min()) - max(extractor.dimension for extractor in instruments.extractors) - 1, 1)
    plan = plan_floor(patients, keys, keys[: config.publish_floor or most])
    totals = _measured(config, {REAL: selection}, {REAL: census}, {REAL: plan}, instruments, cache)
    facts = Facts(
        run=record.plan_hash,
        name=selection.name,
        corpus=selection.corpus.digest,
        split=selection.split,
        floor_films=plan.n,
        films=census.films,
        dimensions={extractor.name: extractor.dimension for extractor in instruments.extractors},
        digests={extractor.name: extractor.digest for extractor in instruments.extractors},
    )
    states = {}
    for name, side in totals[REAL].sides.items():
        with _said_of(name, selection):  # some may have been unreadable
            states[name] = reference_of(side, groups=config.publish_groups)
    published = Published(facts, states)
    write_reference(path, published)
    return published_summary(path, published, output)


def evaluate_against(config: Config, instruments: Instruments) -> Summary:
    """Writes metrics.json and metrics.parquet of synthetic films against a reference, unless they are there.

    Raises InputError for what a reference cannot answer, and where it was made by another extractor.
    """
    refused = [metric for metric in config.metrics if metric not in _AGAINST]
    if refused:
        fix = f"A published reference is enough for {' and '.join(_AGAINST)}: leave the rest out."
        raise InputError(f"{', '.join(refused)}: real films are needed, row by row", "metrics", fix)
    if config.real_split is not None:
        raise InputError("a reference has its split already", "real_split", "Leave it out.")
    published = read_reference(config.real)
    _check_digests(published, instruments, config.real)
    selection = Selection(Corpus.open(str(config.synthetic)), config.synthetic_split)
    output = Storage.at(config.output)
    facts = published.facts
    record = RunRecord(
        pixels={"extractors": {extractor.name: extractor.digest for extractor in instruments.all}},
        plan={
            "job": "evaluate",
            "metrics": sorted(config.metrics),
            REAL: {"corpus": facts.corpus, "split": facts.split, "reference": facts.run},
            SYNTHETIC: {"corpus": selection.corpus.digest, "split": selection.split},
        },
    )
    if output.exists(METRICS_PATH):
        return scored_summary(facts, selection, selection.count(), scores_there(output, record), output)
    cache = FeatureCache.at(config.cache, output)
    for storage in (output, cache.storage):
        storage.check_writable()
    census = take_census(selection)
    create_or_resume(output, record)
    keys = np.sort(np.concatenate(census.keys))
    n = facts.floor_films if len(keys) >= facts.floor_films else 0
    plan = FloorPlan(n=n, last_of_half=(0, 0), last_synthetic=int(keys[n - 1]) if n else 0)
    totals = _measured(config, {SYNTHETIC: selection}, {SYNTHETIC: census}, {REAL: plan}, instruments, cache)
    if totals[SYNTHETIC].films - totals[SYNTHETIC].unreadable < 2:
        where = selection.corpus.uri
        raise InputError("fewer than two films can be read", where, "Give a corpus of readable films.")
    scores = [_fid(published, name, side, plan) for name, side in totals[SYNTHETIC].sides.items()]
    if instruments.classifier is not None:
        scores += classifier_scores(("mauc",), {SYNTHETIC: selection}, totals, instruments.classifier)
    scores = [
        replace(
            score,
            digest_real=facts.corpus,
            digest_reference=facts.run,
            digest_synthetic=selection.corpus.digest,
        )
        for score in scores
    ]
    output.replace(TABLE_PATH, scores_to_parquet(scores))
    output.create(METRICS_PATH, scores_to_json(scores))  # last: where it is, the evaluation is finished
    return scored_summary(facts, selection, census.films, scores, output)


@contextmanager
def _said_of(extractor: str, selection: Selection) -> Iterator[None]:
    """Too few films, as an error for people."""
    try:
        yield
    except ValueError as error:
        fix = "Films no more than dimensions could be told one by one. publish_groups=false needs fewer."
        raise InputError(f"{error} of {extractor}", selection.corpus.uri, fix) from error


def _measured(
    config: Config,
    selections: Mapping[str, Selection],
    censuses: Mapping[str, Census],
    plans: Mapping[str, FloorPlan],
    instruments: Instruments,
    cache: FeatureCache,
) -> Totals:
    totals = Totals(instruments)
    films = sum(census.films for census in censuses.values())
    bar: Progress[None] = progress(total=films, unit="films", desc="evaluate")
    with event_lines(), connect(config.address), bar:
        for side, evidence in measure(selections, censuses, plans, instruments, cache):
            totals.add(side, evidence)
            bar.update(evidence.films)
    return totals


def _check_digests(published: Published, instruments: Instruments, where: str) -> None:
    for extractor in instruments.extractors:
        there = published.facts.digests.get(extractor.name)
        if there is None:
            fix = f"It holds {', '.join(published.facts.digests)}: say extractors=[...]."
            raise InputError(f"the reference holds nothing of {extractor.name}", where, fix)
        if there != extractor.digest:
            what = f"the reference's {extractor.name} is {there}, and the one here is {extractor.digest}"
            raise InputError(what, where, "Use the weights and the version by which it was published.")


def _fid(published: Published, name: str, synthetic: Side, plan: FloorPlan) -> Score:
    reference, facts = published.states[name], published.facts
    if plan.n == 0:  # no floor at fewer films can be had of its halves
        reference = replace(reference, halves=())
    return fid_against(
        reference,
        synthetic,
        extractor=name,
        digest=facts.digests[name],
        name=facts.name,
        follow=lambda left_out: iter(progress(left_out, total=GROUPS, unit="groups", desc=f"fid {name}")),
    )
