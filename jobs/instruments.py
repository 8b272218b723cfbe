"""What `evaluate` measures with, of its options: extractors, a judge of findings, a matcher of reports."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.measurer import Instruments
from cluster.models import MINI
from cluster.storage import Storage
from cluster.storage_errors import MissingError
from diffcxr.errors import InputError
from eval.features.extractor import Classifying, Extractor, Judge, Matcher
from jobs.evaluation_config import OF_CLASSES, OF_CLASSIFIER, OF_FEATURES, OF_MOMENTS, Config

if TYPE_CHECKING:
    from eval.features.finding_scores import FindingScores


def make_instruments(config: Config) -> Instruments:
    """Raises InputError where weights are missing or damaged, or options do not go together."""
    matcher = _matcher(config.matcher) if "alignment" in config.metrics else None
    extractors: list[Extractor] = []
    if wanted := [metric for metric in config.metrics if metric in OF_FEATURES]:
        if not config.extractors:
            raise InputError(f"{wanted[0]} needs an extractor", "extractors", "Leave it out for the default.")
        extractors = [_extractor(name, config) for name in dict.fromkeys(config.extractors)]
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


def _extractor(name: str, config: Config) -> Extractor:
    """Only what is asked for is imported: the networks' libraries take seconds each."""
    match name:
        case "efficientnet_lite0":
            from eval.features.efficientnet_lite0 import EfficientNetLite0

            return EfficientNetLite0()
        case "rad_dino" | "rad_dino_299" | "backbone":
            from eval.features.backbone import Backbone

            if name == "backbone":
                return Backbone.from_folder(config.backbone_weights)
            make = Backbone.rad_dino if name == "rad_dino" else Backbone.rad_dino_299
            return make(config.rad_dino_weights)
        case "xrv" | "xrv_clean":
            from eval.features.xrv import XRV, XRVClean

            return (XRV if name == XRV.name else XRVClean).from_file(config.xrv_weights)
        case "named":
            from eval.features.named import Named

            return Named.from_file(config.named_model, config.named_weights)
        case "mini_vlm":
            from eval.features.mini_vlm import MiniVLM

            return MiniVLM.from_folder(_folder(config.matcher))
        case "biomedclip":
            from eval.features.biomedclip import biomedclip

            return _films_of(biomedclip, name, config.biomedclip_weights)
        case "biovil_t":
            from eval.features.biovil_t import biovil_t

            return _films_of(biovil_t, name, config.biovil_t_weights)
        case "finding_classifier":
            return _finding_scores("mini" if config.classifier == "xrv" else config.classifier)
        case _:
            from eval.features.inception import VARIANTS

            return VARIANTS[name].from_file(config.inception_weights)


def _films_of(read: Callable[[Path], Matcher], name: str, folder: str | None) -> Extractor:
    """The films' side of a matcher."""
    if folder is None:
        fix = f"Give {name}_weights=PATH, the folder as it is published."
        raise InputError(f"{name} needs its weights", "extractors", fix)
    return read(Path(folder).expanduser()).films


def _matcher(name: str) -> Matcher:
    folder = _folder(name)
    if name != "mini":
        from eval.features import biomedclip, biovil_t

        if (folder / biomedclip.CONFIG).is_file():
            return biomedclip.biomedclip(folder)
        if (folder / biovil_t.WEIGHTS).is_file():
            return biovil_t.biovil_t(folder)
    from eval.features.mini_vlm import mini_vlm

    return mini_vlm(folder)


def _folder(matcher: str) -> Path:
    return MINI if matcher == "mini" else Path(matcher).expanduser()


def _classifier(config: Config) -> Judge:
    if config.classifier == "xrv":
        if "calibration" in config.metrics:
            what = "torchxrayvision's scores are no probabilities, and have no calibration"
            raise InputError(what, "metrics", "Leave calibration out.")
        from eval.features.xrv import XRVFindings

        return XRVFindings.from_file(config.xrv_weights)
    return _finding_scores(config.classifier)


def _finding_scores(classifier: str) -> FindingScores:
    from eval.features.finding_scores import FindingScores

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
