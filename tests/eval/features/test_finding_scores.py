import pickle
from pathlib import Path

import numpy as np
import torch

from eval.downstream.classifier import ClassifierConfig, FindingClassifier
from eval.features.extractor import extract
from eval.features.finding_scores import FindingScores

SMALL = ClassifierConfig(size=32, widths=(8, 16), findings=("Edema", "Fracture"))


def saved(folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    FindingClassifier(SMALL).save_pretrained(folder)
    return folder


def test_scores_are_the_classifier_s_predictions(tmp_path: Path) -> None:
    folder = saved(tmp_path, 0)
    scores = pickle.loads(pickle.dumps(FindingScores.from_folder(folder)))
    scores.setup("cpu")
    films = np.random.default_rng(0).integers(0, 256, (40, 48, 48), dtype=np.uint8)
    expected = FindingClassifier.from_pretrained(folder).predict(films)
    np.testing.assert_array_equal(extract(scores, list(films)), expected)
    assert (scores.findings, scores.dimension) == (("Edema", "Fracture"), 2)


def test_the_digest_is_the_weights(tmp_path: Path) -> None:
    one, same, other = (
        FindingScores.from_folder(saved(tmp_path / str(i), seed)).digest for i, seed in enumerate((0, 0, 1))
    )
    assert one == same != other
