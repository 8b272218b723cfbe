"""What `evaluate` measures with, of its options: extractors, a judge of findings, a matcher of reports."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cluster.measurer import Instruments
from cluster.models import MINI
from cluster.storage import Storage
from cluster.storage_errors import MissingError
from diffcxr.errors import InputError
from eval.features import biomedclip, biovil_t
from eval.features.backbone import Backbone
from eval.features.efficientnet_lite0 import EfficientNetLite0
from eval.features.extractor import Classifying, Extractor, Judge, Matcher
from eval.features.finding_scores import FindingScores
from eval.features.inception import (
    Inception,
    Inception256,
    Inception299,
    InceptionClean,
    InceptionFidelity,
)
from eval.features.mini_vlm import MiniVLM, mini_vlm
from eval.features.named import Named
from eval.features.xrv import XRV, XRVClean, XRVFindings
from jobs.evaluation_config import OF_CLASSES, OF_CLASSIFIER, OF_FEATURES, OF_MOMENTS, Config


def make_instruments(config: Config) -> Instruments:
    """Raises InputError where weights are missing or damaged, or options do not go together."""
    matcher = _matcher(config.matcher) if "alignment" in config.metrics else None
    extractors: list[Extractor] = []
    if wanted := [metric for metric in config.metrics if metric in OF_FEATURES]:
        if not config.extractors:
            raise InputError(f"{wanted[0]} needs an extractor", "extractors", "Leave it out for the default.")
        makers = _makers(config)
        extractors = [makers[name]() for name in dict.fromkeys(config.extractors)]
        if matcher is not None:  # one network for both
            extractors = [matcher.films if matcher.films.digest == e.digest else e for e in extractors]
    if set(OF_CLASSES) & set(wanted) and not any(isinstance(each, Classifying) for each in extractors):
        fix = "Give one that names what it sees: efficientnet_lite0 or an inception."
        raise InputError("inception_score needs an extractor with classes", ", ".join(config.extractors), fix)
    classifier = _classifier(config) if set(OF_CLASSIFIER) & set(config.metrics) else None
    if classifier is not None:  # and again one network for both
        extractors = [classifier if classifier.digest == e.digest else e for e in extractors]
    others = {each.name: each for each in (classifier, matcher and matcher.films) if each is not None}
    for each in extractors:
        if others.get(each.name, each).digest != each.digest:
            fix = "Give the same weights for both."
            raise InputError(f"two different networks are called {each.name}", "extractors", fix)
    rows = bool(set(wanted) - set(OF_MOMENTS)) or (config.rival is not None and bool(wanted))
    moments = bool(set(wanted) & set(OF_MOMENTS))
    return Instruments(tuple(extractors), classifier, moments=moments, rows=rows, matcher=matcher)


def _makers(config: Config) -> dict[str, Callable[[], Extractor]]:
    return {
        "efficientnet_lite0": EfficientNetLite0,
        **{
            variant.name: partial(variant.from_file, config.inception_weights)
            for variant in (Inception, Inception256, Inception299, InceptionClean, InceptionFidelity)
        },
        **{variant.name: partial(variant.from_file, config.xrv_weights) for variant in (XRV, XRVClean)},
        "rad_dino": partial(Backbone.rad_dino, config.rad_dino_weights),
        "rad_dino_299": partial(Backbone.rad_dino_299, config.rad_dino_weights),
        "backbone": partial(Backbone.from_folder, config.backbone_weights),
        "named": partial(Named.from_file, config.named_model, config.named_weights),
        "mini_vlm": partial(MiniVLM.from_folder, _folder(config.matcher)),
        "biomedclip": partial(_films_of, biomedclip.biomedclip, "biomedclip", config.biomedclip_weights),
        "biovil_t": partial(_films_of, biovil_t.biovil_t, "biovil_t", config.biovil_t_weights),
        "finding_classifier": partial(
            _finding_scores, "mini" if config.classifier == "xrv" else config.classifier
        ),
    }


def _films_of(read: Callable[[Path], Matcher], name: str, folder: str | None) -> Extractor:
    """The films' side of a matcher."""
    if folder is None:
        fix = f"Give {name}_weights=PATH, the folder as it is published."
        raise InputError(f"{name} needs its weights", "extractors", fix)
    return read(Path(folder).expanduser()).films


def _matcher(name: str) -> Matcher:
    folder = _folder(name)
    if (folder / biomedclip.CONFIG).is_file():
        return biomedclip.biomedclip(folder)
    return biovil_t.biovil_t(folder) if (folder / biovil_t.WEIGHTS).is_file() else mini_vlm(folder)


def _folder(matcher: str) -> Path:
    return MINI if matcher == "mini" else Path(matcher).expanduser()


def _classifier(config: Config) -> Judge:
    if config.classifier == "xrv":
        if "calibration" in config.metrics:
            what = "torchxrayvision's scores are no probabilities, and have no calibration"
            raise InputError(what, "metrics", "Leave calibration out.")
        return XRVFindings.from_file(config.xrv_weights)
    return _finding_scores(config.classifier)


def _finding_scores(classifier: str) -> FindingScores:
    if classifier == "mini":
        return FindingScores.from_folder(MINI / "classifier")
    storage = Storage.at(classifier)
    with tempfile.TemporaryDirectory() as folder:
        for file in ("config.json", "model.safetensors"):
            try:
                Path(folder, file).write_bytes(storage.read(file))
            except MissingError as error:
                fix = "Give a folder with config.json and model.safetensors."
                raise InputError("no classifier here", storage.uri, fix) from error
        return FindingScores.from_folder(folder)
