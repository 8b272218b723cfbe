from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch

from benchmarks.extraction import Subject, dinov2_subject, inception_subject
from eval.features.extractor import BATCH


@pytest.mark.parametrize("subject_of", [inception_subject, partial(dinov2_subject, small=True)])
def test_the_bare_loop_runs_the_extractors_network_in_its_shape(subject_of: Callable[[str], Subject]) -> None:
    subject = subject_of("cpu")
    films = np.random.default_rng(0).integers(256, size=(BATCH, 64, 64), dtype=np.uint8)
    tensor = subject.extractor.preprocessing(films, "cpu")  # type: ignore[attr-defined]
    assert tensor.shape == subject.shape
    with torch.inference_mode():
        found = subject.network(tensor)
    features = found if isinstance(found, torch.Tensor) else found.last_hidden_state[:, 0]
    np.testing.assert_allclose(features.numpy(), subject.extractor.process(films), rtol=1e-3, atol=1e-4)
