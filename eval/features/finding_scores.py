"""The scores of a finding classifier, as an extractor: what mAUC is made of."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from eval.downstream.classifier import FindingClassifier
from eval.features.extractor import extractor_digest, use_exact_arithmetic


class FindingScores:
    """An `Extractor`: one logit a finding of the classifier."""

    name = "finding_classifier"

    def __init__(self, classifier: FindingClassifier) -> None:
        self._classifier = classifier
        self.findings = classifier.config.findings
        self.dimension = len(self.findings)
        weights = hashlib.sha256()
        for name, value in sorted(classifier.state_dict().items()):
            weights.update(name.encode() + value.numpy().tobytes())
        self.digest = extractor_digest(self.name, weights.digest(), repr(classifier.config))

    @classmethod
    def from_folder(cls, folder: str | Path) -> FindingScores:
        """The classifier of a folder. Raises InputError where there is none."""
        return cls(FindingClassifier.from_pretrained(folder))

    def setup(self, device: str) -> None:
        use_exact_arithmetic()
        self._classifier.to(torch.device(device)).eval()

    def process(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._classifier.predict(films)
