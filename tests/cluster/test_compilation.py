"""A compiled denoiser: the same films but for rounding, and kernels that the next process finds."""

import platform
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters

from cluster.batches import Slot
from cluster.models import fetch_model, model_digest
from cluster.recipe import Sampler
from cluster.worker import Worker
from diffcxr.errors import InputError
from tests.diffcxr.tiny import tiny_pipeline
from tests.null_sampler import NULL_SAMPLER

PROMPTS = ["No acute disease.", "There is a fracture of the left sixth rib."]


@pytest.fixture
def sampler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sampler:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "kernels"))
    model = tmp_path / "model"
    tiny_pipeline(adapter=True).save_pretrained(model)
    digest = model_digest(fetch_model(str(model)))
    return replace(NULL_SAMPLER, model=str(model), model_digest=digest, steps=2, guidance=2.0, batch_size=2)


def films(sampler: Sampler) -> np.ndarray:
    """What a new worker makes, whose process knows of nothing compiled."""
    torch._dynamo.reset()
    with closing(Worker.load(sampler)) as worker:
        worker.warm_up()
        slots = [Slot(prompt, seed) for seed, prompt in enumerate(PROMPTS)]
        made = worker._denoiser.submit(worker._batches.run, slots).result()
    return np.stack(cast(list[np.ndarray], made)).astype(np.float64)


def test_the_second_worker_of_a_machine_finds_the_kernels_of_the_first(sampler: Sampler) -> None:
    plain = films(sampler)
    counters.clear()
    compiled = films(replace(sampler, compile=True))
    made = counters["inductor"]["fxgraph_cache_miss"]
    assert made >= 2, "denoiser and adapter"
    again = films(replace(sampler, compile=True))
    assert counters["inductor"]["fxgraph_cache_miss"] == made
    np.testing.assert_array_equal(again, compiled)
    np.testing.assert_allclose(compiled, plain, atol=0.01)
    assert np.abs(plain[0] - plain[1]).max() > 0.1


def test_a_machine_without_a_compiler_is_one_line(sampler: Sampler) -> None:
    torch._dynamo.reset()
    worker = Worker.load(replace(sampler, compile=True))
    # In the thread that compiles: settings of torch's are a thread's own.
    for config, name, value in (
        (torch._inductor.config.cpp, "cxx", ("no-such-compiler",)),
        (torch._inductor.config, "fx_graph_cache", False),
    ):
        worker._denoiser.submit(setattr, config, name, value).result()
    with (
        closing(worker),
        pytest.raises(InputError, match=rf"cannot be compiled here.*{platform.node()}.*compile=true out"),
    ):
        worker.warm_up()
