from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cluster import training
from cluster.training import Workers, cores_each
from diffcxr.errors import DiffCXRError

CORES = st.lists(st.integers(0, 12), max_size=4)


@given(CORES, st.integers(1, 12))
def test_workers_fit_with_the_cores_that_they_are_given_and_not_with_one_more(
    cores: list[int], count: int
) -> None:
    def fit(threads: int) -> bool:
        return sum(node // threads for node in cores) >= count

    threads = cores_each(cores, count)
    assert threads == 0 or fit(threads)
    assert not fit(threads + 1)


def test_one_worker_takes_the_largest_node_and_several_share_it() -> None:
    assert cores_each([2, 8], 1) == 8
    assert cores_each([8], 3) == 2
    assert cores_each([8, 8], 2) == 8
    assert cores_each([2], 3) == 0


def test_memory_that_does_not_suffice_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    mistakes: list[DiffCXRError] = []
    told = SimpleNamespace(give_up=SimpleNamespace(remote=mistakes.append))
    monkeypatch.setattr(training, "ray", SimpleNamespace(get=lambda done: done))
    monkeypatch.setattr(training, "_trainer", None)

    def train(_: None) -> None:
        raise torch.OutOfMemoryError

    threads = torch.get_num_threads()
    training._work({"trainer": told, "train": train, "settings": None, "workers": Workers(threads=threads)})
    assert "does not fit into memory" in str(mistakes[0]) and "micro_batch" in mistakes[0].fix
