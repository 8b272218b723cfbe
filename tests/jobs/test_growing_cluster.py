"""A cluster whose machines come with work: nothing is fixed by what is there before they do."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import ray
from numpy.typing import NDArray

from cluster import session
from cluster.evaluation import measure
from cluster.feature_cache import FeatureCache
from cluster.film_slices import REAL, SYNTHETIC, Selection, take_census
from cluster.machines import living_nodes
from cluster.measurer import Instruments
from cluster.run_record import read_record
from cluster.session import Resources, awaited_resources
from cluster.storage import Storage
from diffcxr.errors import InputError
from eval.features.finding_scores import FindingScores
from eval.floors import plan_floor
from jobs import generate
from jobs.event_lines import event_lines
from jobs.generate import Config, WorkersConfig
from tests.cluster.films import film_rows, write_classifier, write_films
from tests.ray_nodes import RayNodes, ray_nodes
from tests.reports_corpus import reports_corpus


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    with ray_nodes([], head_cores=0) as running:
        yield running


@pytest.mark.parametrize(
    ("device", "most", "said"),
    [("auto", None, "cuda"), ("auto", 4, "cuda"), ("cuda", None, "cuda"), ("cpu", None, "cpu")],
)
def test_generate_asks_what_will_come_and_records_nothing(
    nodes: RayNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, most: int | None, said: str
) -> None:
    corpus = reports_corpus(tmp_path / "corpus", reports=4)
    config = Config(
        corpus=corpus.uri,
        output=str(tmp_path / "out"),
        model="null",
        device=device,
        workers=WorkersConfig(max=most),
    )
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)  # as in a submitted job
    with pytest.raises(InputError, match=f"no machine for workers now.* device={said} workers.max=N"):
        generate.run(config)
    assert read_record(Storage.at(tmp_path / "out")) is None


def test_generate_waits_for_as_many_gpus_as_it_was_told_of(
    nodes: RayNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    config = Config(corpus="c", output="o", device="cuda", workers=WorkersConfig(max=4))
    assert (generate._device(config), generate._largest(config, "cuda")) == ("cuda", 4)


def test_an_evaluation_is_cut_for_the_first_machine_and_not_for_none_and_says_that_it_waits(
    nodes: RayNodes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session, "_TELL_SECONDS", 0.5)
    found: list[Resources] = []
    asking = threading.Thread(target=lambda: found.append(awaited_resources()), daemon=True)
    with event_lines():
        asking.start()
        asking.join(2)
        assert not found
        nodes.add({})
        asking.join(100)
    assert found == [Resources(cpus=1, gpus=0)]
    assert "waiting for a machine, 1 s" in capsys.readouterr().err


class Slow(FindingScores):
    """An extractor that leaves its node's id where it was, and takes half a second a slice until two did."""

    seen: Path

    def process(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        (self.seen / ray.get_runtime_context().get_node_id()).touch()
        if len(list(self.seen.iterdir())) < 2:
            time.sleep(0.5)
        return super().process(films)


def test_a_machine_that_joins_an_evaluation_takes_its_share(nodes: RayNodes, tmp_path: Path) -> None:
    slow = Slow.from_folder(write_classifier(tmp_path / "classifier"))
    slow.seen = tmp_path / "seen"
    slow.seen.mkdir()
    films = write_films(tmp_path / "films", film_rows(200, seed=1), list(range(2, 200, 2)))
    selections = {side: Selection(films) for side in (REAL, SYNTHETIC)}
    censuses = {side: take_census(selection) for side, selection in selections.items()}
    patients, keys = (np.concatenate(part) for part in (censuses[REAL].patients, censuses[REAL].keys))
    plan = plan_floor(patients, keys, censuses[REAL].keys[0])
    cache = FeatureCache(Storage.at(tmp_path / "cache"))
    if not living_nodes("CPU"):
        nodes.add({})
    taken = 0
    for _ in measure(selections, censuses, {REAL: plan}, Instruments((slow,), slow), cache):
        taken += 1
        if taken == 3:
            nodes.add({}, cores=4)  # of which Ray Data keeps a part for its readers
    assert taken == 200
    assert len(list(slow.seen.iterdir())) == 2
