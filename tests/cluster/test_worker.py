"""A worker: one unit in, one shard out, the same bytes whatever happens around it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow.compute as pc
import pytest
import torch

from cluster.batches import CONSTANT, KILLED_WORKER, NOT_ENCODED, NOT_FINITE, PIPELINE_RAISED
from cluster.codec import decode_image, provenance_note
from cluster.corpus import Corpus, finish_corpus
from cluster.plan import Plan, plan_units
from cluster.prompts import EMPTY_PROMPT
from cluster.recipe import Recipe, Task
from cluster.reports import count_reports
from cluster.shard import read_footer, read_shard, shard_path
from cluster.storage import Storage
from cluster.storage_errors import UnavailableError
from cluster.worker import Worker
from diffcxr.errors import InputError, RefusedError
from diffcxr.null_pipeline import NullPipeline
from diffcxr.seeds import sample_seed
from tests.chaos.faulty_proxy import faulty_proxy
from tests.null_sampler import NULL_SAMPLER
from tests.reports_corpus import reports_corpus
from tests.s3_server import S3Server

SAMPLER = replace(NULL_SAMPLER, steps=2, guidance=2.0)


class NeighbourlyPipeline(NullPipeline):
    """Its films depend on their slot, as a real model's may by their last bits; some prompts are bad."""

    def __call__(self, prompt: Any, *, generator: Any, **ignored: Any) -> Any:
        assert len(prompt) == len(generator) == SAMPLER.batch_size, "the batch shape is fixed"
        if any("raises" in text for text in prompt):
            raise RuntimeError("a bad prompt: " + prompt[0])
        films = super().__call__(prompt, generator=generator).images
        films *= np.linspace(0.9, 1.0, len(prompt), dtype=np.float32)[:, None, None]
        for film, text in zip(films, prompt, strict=True):
            if "not a number" in text:
                film[3, 3] = np.nan
            if "grey" in text:
                film[:] = 0.5
        if any("five channels" in text for text in prompt):
            films = [
                np.repeat(film[..., None], 5 if "five" in text else 1, axis=2)
                for film, text in zip(films, prompt, strict=True)
            ]
        return SimpleNamespace(images=films)


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker(SAMPLER, NeighbourlyPipeline())
    yield made
    made.close()


def recipe_for(corpus: Corpus, output: str | Path, **changed: Any) -> Recipe:
    recipe = Recipe(
        corpus=corpus.uri,
        corpus_digest=corpus.digest,
        output=Storage.at(output).uri,
        plan_hash="a-plan",
        prompt="{text}",
        seed=5,
        image_format="png",
        model_digest="sha256:model",
    )
    return replace(recipe, **changed)


def plan_for(corpus: Corpus, **choices: Any) -> Plan:
    return plan_units(count_reports(corpus, None), **choices)


def films_of(output: str | Path, units: int) -> dict[tuple[str, int], bytes]:
    tables = [read_shard(Storage.at(output), shard_path(unit)) for unit in range(units)]
    rows = [row for table in tables for row in table.to_pylist()]
    return {(row["report_id"], row["sample_index"]): row["image"]["bytes"] for row in rows}


def test_a_unit_becomes_a_shard_of_the_corpus_schema(worker: Worker, tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "corpus")
    plan, recipe = (
        plan_for(corpus, samples_per_report=2, images_per_shard=7),
        recipe_for(corpus, tmp_path / "out"),
    )
    receipts = [worker.run(Task(recipe, plan.unit(number))) for number in range(len(plan))]
    assert [(r.unit, r.rows, r.committed) for r in receipts] == [(0, 7, True), (1, 7, True), (2, 6, True)]

    row = read_shard(Storage.at(tmp_path / "out"), shard_path(1)).to_pylist()[0]
    assert (row["report_id"], row["sample_index"]) == ("study-003", 1)
    assert row["seed"] == sample_seed(5, "study-003", 1)
    assert (row["view"], row["impression"], row["truth"]) == ("PA", "Nothing new.", None)
    assert decode_image(row["image"]["bytes"]).shape == (128, 128)
    note = provenance_note(row["image"]["bytes"])
    assert note is not None
    assert f"seed={row['seed']}" in note
    assert "model=sha256:model run=a-plan" in note


def test_each_report_is_used_once_whatever_films_its_study_has(worker: Worker, tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "corpus")
    assert corpus.rows == 14
    plan = plan_for(corpus, images_per_shard=4)
    for number in range(len(plan)):
        worker.run(Task(recipe_for(corpus, tmp_path / "out"), plan.unit(number)))
    made = films_of(tmp_path / "out", len(plan))
    assert sorted(made) == [(f"study-{number:03d}", 0) for number in range(10)]


def test_a_committed_unit_is_not_made_again(worker: Worker, tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "corpus")
    task = Task(recipe_for(corpus, tmp_path / "out"), plan_for(corpus).unit(0))
    assert worker.run(task).committed
    again = worker.run(task)
    assert (again.committed, again.rows, again.seconds_denoising) == (False, 0, 0.0)


def test_a_shard_of_another_run_is_refused_and_kept(worker: Worker, tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "corpus")
    unit = plan_for(corpus).unit(0)
    worker.run(Task(recipe_for(corpus, tmp_path / "out"), unit))
    with pytest.raises(RefusedError, match="another run"):
        worker.run(Task(recipe_for(corpus, tmp_path / "out", plan_hash="another"), unit))
    assert read_footer(Storage.at(tmp_path / "out"), shard_path(0)).plan_hash == "a-plan"


def test_bad_rows_are_rejected_with_their_reasons_and_no_other_film_changes(
    worker: Worker, tmp_path: Path
) -> None:
    clean = reports_corpus(tmp_path / "clean", reports=12)
    texts = {1: "  ", 2: "this one raises", 5: "not a number", 7: "all grey", 11: "five channels"}
    dirty = reports_corpus(tmp_path / "dirty", reports=12, texts=texts)
    reasons = {
        1: EMPTY_PROMPT,
        2: PIPELINE_RAISED,
        5: NOT_FINITE,
        7: CONSTANT,
        9: KILLED_WORKER,
        11: NOT_ENCODED,
    }
    unit = plan_for(clean).unit(0)
    worker.run(Task(recipe_for(clean, tmp_path / "a"), unit))
    receipt = worker.run(Task(recipe_for(dirty, tmp_path / "b"), unit, excluded=(9,)))

    footer = read_footer(Storage.at(tmp_path / "b"), shard_path(0))
    assert {reject.report_id: reject.reason for reject in footer.rejects} == {
        f"study-{number:03d}": reason for number, reason in reasons.items()
    }
    assert receipt.rows == 6
    assert sum(receipt.rejects.values()) == 6
    expected = films_of(tmp_path / "a", 1)
    for number in reasons:
        del expected[f"study-{number:03d}", 0]
    assert films_of(tmp_path / "b", 1) == expected


def test_a_unit_of_rejects_is_a_shard_of_no_rows(worker: Worker, tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "corpus", reports=3, texts={0: "", 1: " ", 2: "\n"})
    receipt = worker.run(Task(recipe_for(corpus, tmp_path / "out"), plan_for(corpus).unit(0)))
    assert (receipt.rows, receipt.committed) == (0, True)
    assert read_shard(Storage.at(tmp_path / "out"), shard_path(0)).num_rows == 0


def test_a_probe_commits_nothing(worker: Worker, tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "corpus")
    worker.run(Task(recipe_for(corpus, tmp_path / "out"), plan_for(corpus).unit(0), probe=(2, 5)))
    assert not list(Storage.at(tmp_path / "out").list())


def test_the_prompt_is_what_the_template_makes_of_the_row(worker: Worker, tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "corpus")
    recipe = recipe_for(corpus, tmp_path / "out", prompt="{view} film. {impression}{sex}")
    worker.run(Task(recipe, plan_for(corpus).unit(0)))
    texts = read_shard(Storage.at(tmp_path / "out"), shard_path(0)).column("text")
    assert pc.unique(texts).to_pylist() == ["PA film. Nothing new."]


def test_out_of_memory_is_no_row_s_fault(tmp_path: Path) -> None:
    class Full(NullPipeline):
        def __call__(self, prompt: Any, **ignored: Any) -> Any:
            raise torch.OutOfMemoryError("too many")

    corpus = reports_corpus(tmp_path / "corpus")
    with pytest.raises(torch.OutOfMemoryError):
        Worker(SAMPLER, Full()).run(Task(recipe_for(corpus, tmp_path / "out"), plan_for(corpus).unit(0)))


def test_memory_that_runs_out_while_a_film_is_encoded_is_no_row_s_fault(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr("cluster.worker.encode_image", full)
    corpus = reports_corpus(tmp_path / "corpus")
    with pytest.raises(MemoryError):
        worker.run(Task(recipe_for(corpus, tmp_path / "out"), plan_for(corpus).unit(0)))


def test_a_corpus_that_changed_is_noticed(worker: Worker, tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "corpus")
    recipe = recipe_for(corpus, tmp_path / "out", corpus_digest="another")
    with pytest.raises(InputError, match="changed"):
        worker.run(Task(recipe, plan_for(corpus).unit(0)))


def test_a_pipeline_that_cannot_be_called_is_known_before_any_row(worker: Worker) -> None:
    def not_a_pipeline(*, image: Any) -> None: ...

    with pytest.raises(InputError, match="no text-to-image pipeline"):
        Worker(SAMPLER, not_a_pipeline).warm_up()  # type: ignore[arg-type]
    assert worker.warm_up().film_shape == (128, 128)


@pytest.mark.parametrize("kind", [torch.OutOfMemoryError, MemoryError])
def test_a_batch_that_does_not_fit_is_known_at_the_warm_up(kind: type[Exception]) -> None:
    class Full(NullPipeline):
        def __call__(self, prompt: Any, **rest: Any) -> Any:
            raise kind

    with pytest.raises(InputError, match="does not fit into the memory of this cpu: batch_size=4"):
        Worker(SAMPLER, Full()).warm_up()


def test_films_that_are_not_finite_are_known_at_the_warm_up() -> None:
    class Overflowing(NullPipeline):
        def __call__(self, prompt: Any, **rest: Any) -> Any:
            films = super().__call__(prompt, **rest).images
            return SimpleNamespace(images=films * np.float32(np.inf))

    with pytest.raises(FloatingPointError, match="pad row's film is not finite"):
        Worker(SAMPLER, Overflowing()).warm_up()


def test_weights_are_waited_for_where_the_store_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fetch_later(model: str) -> Path:
        asked.append(model)
        if len(asked) < 3:
            raise UnavailableError("the store does not answer", model)
        return tmp_path

    monkeypatch.setattr("cluster.worker._BETWEEN_ASKS", 0.0)
    monkeypatch.setattr("cluster.worker.fetch_model", fetch_later)
    with pytest.raises(InputError, match=f"cannot be read: {tmp_path}"):  # there is none, but it was fetched
        Worker.load(replace(SAMPLER, model="s3://bucket/model", model_digest="sha256:0"))
    assert len(asked) == 3


def test_shards_of_two_stacks_say_so_and_so_does_their_corpus(worker: Worker, tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "corpus")
    plan, recipe = plan_for(corpus, images_per_shard=5), recipe_for(corpus, tmp_path / "out")
    other = Worker(SAMPLER, NeighbourlyPipeline())
    other._stack = {**other._stack, "accelerator": "another"}
    receipts = [(worker, other)[number == 1].run(Task(recipe, plan.unit(number))) for number in range(2)]
    other.close()
    assert all(receipt.committed for receipt in receipts)
    made = finish_corpus(Storage.at(tmp_path / "out"), "made", 2, "a-plan", "CC0-1.0", {"synthetic": True})
    stacks = cast("list[dict[str, object]]", made.manifest["stacks"])
    assert [stack["shards"] for stack in stacks] == [1, 1]
    assert {stack["accelerator"] for stack in stacks} == {worker._stack["accelerator"], "another"}


def test_a_finished_unit_outlives_a_store_that_is_away(
    worker: Worker, tmp_path: Path, s3: S3Server, s3_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = reports_corpus(tmp_path / "corpus")
    plan = plan_for(corpus, images_per_shard=7)
    monkeypatch.setattr("cluster.storage_connection._WAITS", ())
    monkeypatch.setattr("cluster.worker._BETWEEN_ASKS", 0.0)
    away = lambda method, path, headers, times: "reset" if method == "PUT" and times < 5 else ""  # noqa: E731
    with faulty_proxy(s3.endpoint, away) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        receipt = worker.run(Task(recipe_for(corpus, s3_uri), plan.unit(0)))
    assert receipt.committed and proxy.faults == {"reset": 5}
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    assert len(films_of(s3_uri, 1)) == 7
