from pathlib import Path

import numpy as np
import pytest

from cluster.arm_scores import merge_arms, score_arms
from cluster.downstream import (
    Student,
    arm_run,
    check_disjoint,
    epochs_done,
    select_films,
    steps_of,
    train_arms,
)
from cluster.session import connect
from cluster.storage import Storage
from cluster.training import Workers
from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14
from eval.auc import result
from tests.jobs.blob_corpus import SIZE, blob_corpus

STUDENT = Student(epochs=3, seed=0, batch_size=16, learning_rate=4e-3, size=SIZE)


def test_a_split_is_taken_where_there_are_splits_and_else_the_whole_corpus(tmp_path: Path) -> None:
    split = blob_corpus(str(tmp_path / "split"), "split", 50, test=10)
    whole = blob_corpus(str(tmp_path / "whole"), "whole", 50, splits=False)
    assert (select_films(split, "train").count, select_films(split, "test").count) == (40, 10)
    found = select_films(whole, "train")
    assert (found.count, found.split, len(found.patients)) == (50, None, 25)
    assert select_films(split, None).count == 50


def test_a_patient_on_both_sides_is_refused_without_naming_them(tmp_path: Path) -> None:
    # Patient 20 has the films 40 and 41, one of them in training and the other in the test split.
    corpus = blob_corpus(str(tmp_path), "real", 50, test=9)
    with pytest.raises(InputError, match=r"^1 patients of the test films are also in training") as error:
        check_disjoint(select_films(corpus, "train"), select_films(corpus, "test"))
    assert "patient-00" not in str(error.value)


def test_arms_learn_from_their_own_films_in_equal_steps(tmp_path: Path) -> None:
    """The synthetic films show the contrary of their labels: an arm that saw real ones would know better."""
    real = blob_corpus(str(tmp_path / "real"), "real", 160, test=60)
    synthetic = blob_corpus(str(tmp_path / "synthetic"), "false", 120, honest=False)
    output, test = Storage.at(tmp_path / "output"), select_films(real, "test")
    films = {"real": select_films(real, "train"), "synthetic": select_films(synthetic, "train")}
    assert steps_of(STUDENT, films) == 3 * (220 // 16)
    with connect(num_cpus=2):
        done = list(train_arms(output, ("real", "synthetic"), STUDENT, films, Workers(threads=1)))
        expected = [(arm, epoch) for arm in ("real", "synthetic") for epoch in (1, 2, 3)]
        assert [(one.arm, one.epoch) for one in done] == expected
        assert epochs_done(arm_run(output, "real", STUDENT, films), STUDENT) == 3
        assert list(train_arms(output, ("real", "synthetic"), STUDENT, films, Workers(threads=1))) == []
        parts = list(score_arms(output, ("real", "synthetic"), test, SIZE, workers=2))
    states = merge_arms(parts, ("real", "synthetic"))
    heart = CHEXPERT_14.index("Cardiomegaly")
    values = {arm: result(state)[heart].value for arm, state in states.items()}
    assert len(states["real"].keys) == 60 and len(parts) == 2 * len(real.shards)
    assert values["real"] > 0.9 and values["synthetic"] < 0.1
    assert (states["real"].truth == states["synthetic"].truth).all()
    turned = merge_arms(reversed(parts), ("real", "synthetic"))
    assert all(np.array_equal(turned[arm].scores, states[arm].scores) for arm in states)


def test_a_damaged_corpus_is_an_error_for_a_person_even_from_a_training_worker(tmp_path: Path) -> None:
    corpus = blob_corpus(str(tmp_path / "real"), "real", 40)
    films = {"real": select_films(corpus, "train")}
    shard = tmp_path / "real" / "shards" / "00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-200])
    with connect(num_cpus=2), pytest.raises(InputError, match="shard"):
        list(train_arms(Storage.at(tmp_path / "output"), ["real"], STUDENT, films, Workers(threads=1)))
