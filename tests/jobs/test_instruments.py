"""What `evaluate` measures with, by its options; weights are tiny and random, in the published layout."""

from pathlib import Path

import numpy as np
import pytest

from diffcxr.errors import InputError
from jobs.evaluation_config import Config
from jobs.instruments import make_instruments
from tests.diffcxr.language.test_biomedclip import Clip, write_checkpoint
from tests.weights_of_others import write_biovil_t

FILMS = np.random.default_rng(0).integers(0, 256, (1, 64, 64), dtype=np.uint8)


def config(*extractors: str, metrics: tuple[str, ...] = ("fid",), **more: object) -> Config:
    told = {"real": "r", "synthetic": "s", "output": "o", "metrics": list(metrics)}
    return Config(**told, extractors=list(extractors), **more)  # type: ignore[arg-type]


def test_image_towers_are_extractors_by_their_names_and_the_paths_of_their_weights(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "biomedclip", Clip())
    write_biovil_t(tmp_path / "biovil_t")
    paths = {f"{name}_weights": str(tmp_path / name) for name in ("biomedclip", "biovil_t")}
    found = make_instruments(config("biomedclip", "biovil_t", **paths)).extractors
    assert [(each.name, each.dimension) for each in found] == [("biomedclip", 32), ("biovil_t", 128)]
    assert len({each.digest for each in found}) == 2
    for each in found:
        each.setup("cpu")
        features = each.process(FILMS)
        assert features.shape == (1, each.dimension) and np.isfinite(features).all() and features.std() > 0
    for name in ("biomedclip", "biovil_t"):
        with pytest.raises(InputError, match=f"{name} needs its weights.*{name}_weights=PATH"):
            make_instruments(config(name))

    # One network where the same one also matches reports, and an error where another one is called so.
    both = make_instruments(
        config("biovil_t", metrics=("fid", "alignment"), matcher=paths["biovil_t_weights"], **paths)
    )
    assert len(both.all) == 1
    other = write_biovil_t(tmp_path / "other") and tmp_path / "other"
    weights = other / "biovil_t_image_model_proj_size_128.pt"
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(InputError, match="two different networks are called biovil_t"):
        make_instruments(config("biovil_t", metrics=("fid", "alignment"), matcher=str(other), **paths))


def test_the_finding_classifier_s_scores_are_features_and_one_network_with_its_judgements() -> None:
    found = make_instruments(config("finding_classifier", metrics=("fid", "mauc")))
    assert found.all == (found.classifier,) and found.extractors == found.all
    (alone,) = make_instruments(config("finding_classifier")).extractors
    assert alone.digest == found.extractors[0].digest and alone.dimension > 1
