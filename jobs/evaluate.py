"""`diffcxr evaluate`: how far synthetic films are from real ones, and whether they show what they should."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from cluster.corpus import Corpus
from cluster.evaluation import Totals, measure
from cluster.exhibition import make_exhibits
from cluster.exhibits import EXHIBITS_PATH, exhibits_to_json
from cluster.feature_cache import FeatureCache
from cluster.film_slices import (
    REAL,
    REFERENCE,
    RIVAL,
    SYNTHETIC,
    VALIDATION,
    Census,
    Selection,
    first_films,
    take_census,
)
from cluster.finding_films import FindingStates, finding_scores
from cluster.measurer import Instruments
from cluster.reference_file import is_reference
from cluster.rival_scoring import difference_scores
from cluster.rivalry import Rivalry
from cluster.row_memory import check_rows_fit
from cluster.run_record import RunRecord, create_or_resume
from cluster.scoring import classifier_scores, feature_scores, film_scores, match_scores, reference_scores
from cluster.session import connect
from cluster.storage import Storage
from cluster.varieties import Varieties
from diffcxr.errors import InputError
from eval.floors import FloorPlan, plan_floors
from eval.groups import GROUPS
from eval.inception_score import split_edges
from eval.quartets import Quartets, of_prompts, of_strangers
from eval.scores import Score, scores_to_json, scores_to_parquet
from jobs.command import main
from jobs.evaluation_config import Config
from jobs.evaluation_summary import summarise
from jobs.event_lines import event_lines
from jobs.instruments import make_instruments
from jobs.metric_files import METRICS_PATH, TABLE_PATH, scores_there
from jobs.progress import Progress, progress
from jobs.protocols import PROTOCOLS, Generated, follow_protocol
from jobs.reference import evaluate_against, publish
from jobs.summary import Summary


def run(config: Config) -> Summary:
    """Writes metrics.json, metrics.parquet and exhibits.json, unless they are there.

    Raises InputError for bad corpora, weights or options, and RefusedError where the output holds another
    run's.
    """
    if config.publish is not None:
        return publish(config, make_instruments(config))
    if config.synthetic is None:
        raise InputError("missing", "synthetic=...", "Give the URI of a corpus with synthetic films.")
    if is_reference(config.real):
        for name, what in (
            ("rival", "a rival is compared"),
            ("reference_split", "a second reference is measured"),
        ):
            if getattr(config, name) is not None:
                raise InputError(f"{what} film by film", name, "Give the real films, or leave it out.")
        return evaluate_against(config, make_instruments(config))
    selections = {
        REAL: Selection(Corpus.open(config.real), config.real_split),
        SYNTHETIC: Selection(Corpus.open(config.synthetic), config.synthetic_split),
    }
    if config.rival is not None:
        selections[RIVAL] = _rival(config.rival, selections[SYNTHETIC])
    if "f1" in config.metrics:
        selections[VALIDATION] = _validation(config, selections[REAL])
    if config.reference_split is not None:
        selections[REFERENCE] = _reference(config, selections[REAL])
    output = Storage.at(config.output)
    cache = FeatureCache.at(config.cache, output)
    instruments = make_instruments(config)
    record = _record(config, selections, instruments)
    if output.exists(METRICS_PATH):
        scores = scores_there(output, record)
        return summarise(selections, {side: s.count() for side, s in selections.items()}, scores, output)
    for storage in (output, cache.storage):
        storage.check_writable()
    censuses = {side: take_census(selection) for side, selection in selections.items()}
    create_or_resume(output, record)

    references = {
        side: (np.concatenate(censuses[side].patients), np.concatenate(censuses[side].keys))
        for side in (REAL, *({REFERENCE} & censuses.keys()))
    }
    plans = plan_floors(references, np.concatenate(censuses[SYNTHETIC].keys))
    if "ms_ssim" in config.metrics:
        instruments = replace(instruments, quartets=_quartets(selections, censuses))
    totals = Totals(instruments)
    varieties = _varieties(config, instruments, plans[REAL], censuses[SYNTHETIC])
    rivalry = findings = None
    if config.rival is not None:
        rivalry = Rivalry.between(selections, censuses, instruments.extractors, config.metrics)
    if "fid_finding" in config.metrics:
        findings = FindingStates.of(selections, (REAL, SYNTHETIC), instruments.extractors)
    keeps_rows = bool({"kid", "kid_whole", "prdc"} & set(config.metrics))
    films = {side: census.films for side, census in censuses.items()}
    if keeps_rows:
        rows = sum(n for side, n in films.items() if side != VALIDATION)
        check_rows_fit(rows, [extractor.dimension for extractor in instruments.extractors])
    bar: Progress[None] = progress(total=sum(films.values()), unit="films", desc="evaluate")
    with event_lines(), connect(config.address), bar:
        for side, evidence in measure(selections, censuses, plans, instruments, cache):
            varieties.add(side, evidence.rows)
            for states in (rivalry, findings):
                if states is not None:
                    states.add(side, evidence.rows)
            totals.add(side, evidence if keeps_rows else evidence.without_rows())
            bar.update(evidence.films)
    scores = _scores(config, selections, totals, varieties, plans)
    if findings is not None:
        for extractor in instruments.extractors:
            scores += finding_scores(selections, findings, extractor, _follow)
    if rivalry is not None:
        scores += difference_scores(config.metrics, selections, totals, rivalry, findings, scores, _follow)
    looked_at = (films[SYNTHETIC] + 2 * films[REAL]) * bool(instruments.extractors)
    bar = progress(total=looked_at, unit="films", desc="nearest films", shown=looked_at > 0)
    with bar:
        exhibits = make_exhibits(selections, censuses, totals, cache, bar.update)
    output.replace(EXHIBITS_PATH, exhibits_to_json(exhibits))
    if config.preset in PROTOCOLS:
        generated = Generated.of(selections[SYNTHETIC], totals[SYNTHETIC].likeness)
        scores = follow_protocol(scores, PROTOCOLS[config.preset], selections, generated)
    digests = {side: selection.corpus.digest for side, selection in selections.items()}
    scores = [_of_corpora(score, digests) for score in scores]
    output.replace(TABLE_PATH, scores_to_parquet(scores))
    output.create(METRICS_PATH, scores_to_json(scores))  # last: where it is, the evaluation is finished
    return summarise(selections, films, scores, output)


def _of_corpora(score: Score, digests: Mapping[str, str]) -> Score:
    rival = digests[RIVAL] if score.against is not None else None
    return replace(score, digest_real=digests[REAL], digest_synthetic=digests[SYNTHETIC], digest_rival=rival)


def _rival(uri: str, synthetic: Selection) -> Selection:
    rival = Selection(Corpus.open(uri), synthetic.split)
    if rival.corpus.digest == synthetic.corpus.digest:
        raise InputError("a corpus is no rival of itself", rival.corpus.uri, "Give another model's films.")
    return rival


def _reference(config: Config, real: Selection) -> Selection:
    if config.real_split in (None, config.reference_split):
        fix = "Give a split that real_split does not take, and say which it takes."
        raise InputError("the further reference is no other than real", "reference_split", fix)
    return Selection(real.corpus, config.reference_split)


def _validation(config: Config, real: Selection) -> Selection:
    fix = "Give a split of the real corpus that real_split does not take."
    if config.validation_split is None:
        raise InputError("f1 needs films on which to choose its thresholds", "validation_split", fix)
    if config.real_split in (None, config.validation_split):
        raise InputError("f1 would choose its thresholds on films that it judges", "real_split", fix)
    return Selection(real.corpus, config.validation_split)


def _quartets(selections: Mapping[str, Selection], censuses: Mapping[str, Census]) -> dict[str, Quartets]:
    """Synthetic films of one prompt, and real ones of different patients, four by four."""
    real = censuses[REAL]
    of_models = {
        side: of_prompts(*first_films(selections[side])) for side in (SYNTHETIC, RIVAL) if side in selections
    }
    return {REAL: of_strangers(np.concatenate(real.patients), np.concatenate(real.keys)), **of_models}


def _varieties(config: Config, instruments: Instruments, plan: FloorPlan, synthetic: Census) -> Varieties:
    of_vendi, of_inception = ("vendi" in config.metrics, "inception_score" in config.metrics)
    edges = split_edges(np.concatenate(synthetic.keys)) if "inception_score_10" in config.metrics else None
    return Varieties.of(instruments.extractors, plan, of_vendi, of_inception, edges)


def _record(config: Config, selections: dict[str, Selection], instruments: Instruments) -> RunRecord:
    """Which evaluation the output holds: another one's metrics are not overwritten."""
    return RunRecord(
        pixels={"extractors": dict(_digests(instruments))},
        plan={
            "job": "evaluate",
            "metrics": sorted(config.metrics),
            **({"preset": config.preset} if config.preset in PROTOCOLS else {}),
            **{side: {"corpus": s.corpus.digest, "split": s.split} for side, s in selections.items()},
        },
    )


def _digests(instruments: Instruments) -> Iterator[tuple[str, str]]:
    for extractor in instruments.all:
        yield extractor.name, extractor.digest
    if instruments.matcher is not None:
        yield instruments.matcher.reports.name, instruments.matcher.reports.digest


def _scores(
    config: Config,
    selections: Mapping[str, Selection],
    totals: Totals,
    varieties: Varieties,
    plans: Mapping[str, FloorPlan],
) -> list[Score]:
    for side in (REAL, SYNTHETIC, *({RIVAL, REFERENCE} & selections.keys())):
        if totals[side].films - totals[side].unreadable < 2:
            where = selections[side].corpus.uri
            raise InputError("fewer than two films can be read", where, "Give a corpus of PNG or JPEG films.")
    scores: list[Score] = []
    for extractor in totals.instruments.extractors:
        scores += feature_scores(config.metrics, selections, totals, varieties, extractor, _follow)
        if REFERENCE in selections:
            scores += reference_scores(
                config.metrics, selections, totals, plans[REFERENCE], extractor, _follow
            )
    if (classifier := totals.instruments.classifier) is not None:
        scores += classifier_scores(config.metrics, selections, totals, classifier)
    if "ms_ssim" in config.metrics:
        scores += film_scores(selections, totals)
    if totals.instruments.matcher is not None:
        scores += match_scores(selections, totals, totals.instruments.matcher)
    return scores


def _follow(desc: str, left_out: Iterator[float]) -> Iterator[float]:
    return iter(progress(left_out, total=GROUPS, unit="groups", desc=desc))


if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
