from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from diffcxr.errors import InputError
from eval.downstream.augmentation import augment_films
from eval.downstream.classifier import (
    ClassifierConfig,
    EpochRecord,
    FindingClassifier,
    fit_classifier,
    masked_bce,
)

SMALL = ClassifierConfig(size=32, widths=(8, 16, 24), findings=("Left", "Right", "Stripe"))


def toy_films(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Films with a bright spot on the left, one on the right, a dark stripe: each or none."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, (count, 3)).astype(np.int8)
    films = rng.normal(110, 12, (count, 32, 32))
    films[:, 12:20, 5:11] += 60 * labels[:, 0, None, None]
    films[:, 12:20, 21:27] += 60 * labels[:, 1, None, None]
    films[:, 25:27] -= 60 * labels[:, 2, None, None]
    return films.clip(0, 255).astype(np.uint8), labels


def fit(
    seed: int = 0, epochs: int = 2, state: dict[str, object] | None = None, count: int = 128
) -> EpochRecord:
    films, labels = toy_films(count, seed=5)
    *_, last = fit_classifier(
        films, labels, epochs=epochs, seed=seed, batch_size=32, config=SMALL, state=state
    )
    return last


def test_a_classifier_learns_findings_and_sides() -> None:
    last = fit(epochs=12, count=512)
    films, labels = toy_films(300, seed=6)
    scores = last.model.predict(films)
    assert [roc_auc_score(labels[:, k], scores[:, k]) > 0.95 for k in range(3)] == [True] * 3


def test_one_seed_gives_one_classifier() -> None:
    films, _ = toy_films(20, seed=7)
    one, same, other = (fit(seed).model.predict(films) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_going_on_from_a_saved_state_gives_the_weights_of_an_undisturbed_run(tmp_path: Path) -> None:
    films, labels = toy_films(128, seed=5)
    run = fit_classifier(films, labels, epochs=3, seed=3, batch_size=32, config=SMALL)
    torch.save(next(run).state, tmp_path / "state.pt")
    *_, whole = run
    resumed = fit(seed=3, epochs=3, state=torch.load(tmp_path / "state.pt", weights_only=True))
    for name, weights in whole.model.state_dict().items():
        assert torch.equal(weights, resumed.model.state_dict()[name]), name


def test_training_does_not_depend_on_the_global_random_stream() -> None:
    films, _ = toy_films(20, seed=7)
    scores = []
    for stream in (1, 2):
        torch.manual_seed(stream)
        before = torch.get_rng_state()
        films_, labels = toy_films(64, seed=5)
        scores.append(
            next(fit_classifier(films_, labels, epochs=1, seed=0, config=SMALL)).model.predict(films)
        )
        assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(*scores)


def test_a_saved_classifier_scores_as_before(tmp_path: Path) -> None:
    films, _ = toy_films(70, seed=8)
    model = fit().model
    model.save_pretrained(tmp_path / "classifier")
    loaded = FindingClassifier.from_pretrained(tmp_path / "classifier")
    assert loaded.config == SMALL
    assert np.array_equal(loaded.predict(films), model.predict(films))


def test_a_films_score_does_not_depend_on_its_neighbours() -> None:
    films, _ = toy_films(150, seed=9)
    model = fit().model
    scores = model.predict(films)
    assert np.array_equal(model.predict(films[70:81]), scores[70:81])


def test_uncertain_labels_do_not_move_the_loss() -> None:
    logits = torch.tensor([[3.0, -1.0]], requires_grad=True)
    masked_bce(logits, torch.tensor([[1, -1]], dtype=torch.int8)).backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] != 0
    assert logits.grad[0, 1] == 0


def test_augmented_films_keep_their_sides_and_their_range() -> None:
    film = torch.zeros(16, 64, 64, dtype=torch.uint8)
    film[:, 20:44, 44:56] = 200
    changed = augment_films(film, torch.Generator().manual_seed(0))
    assert changed.shape == (16, 1, 64, 64)
    assert changed.min() >= 0 and changed.max() <= 1
    halves = changed[..., :32].mean((1, 2, 3)) < changed[..., 32:].mean((1, 2, 3))
    assert halves.all()
    assert changed.std(0).mean() > 0.01  # the films of a batch are changed differently


def test_the_default_network_is_compact() -> None:
    model = FindingClassifier()
    assert sum(p.numel() for p in model.parameters()) < 1_500_000
    assert model(torch.zeros(2, 1, 128, 128)).shape == (2, 14)


@pytest.mark.parametrize("damage", ["missing", "config", "weights"])
def test_a_damaged_classifier_is_an_input_error(tmp_path: Path, damage: str) -> None:
    FindingClassifier(SMALL).save_pretrained(tmp_path)
    if damage == "missing":
        (tmp_path / "model.safetensors").unlink()
    elif damage == "config":
        (tmp_path / "config.json").write_text("{}")
    else:
        FindingClassifier().save_pretrained(tmp_path / "other")
        (tmp_path / "other/model.safetensors").rename(tmp_path / "model.safetensors")
    with pytest.raises(InputError):
        FindingClassifier.from_pretrained(tmp_path)


def test_films_that_do_not_fit_are_an_input_error() -> None:
    films, labels = toy_films(10, seed=1)
    with pytest.raises(InputError, match="do not fit"):
        next(fit_classifier(films, labels, epochs=1, seed=0))


def test_films_without_any_label_are_an_input_error() -> None:
    films, labels = toy_films(10, seed=1)
    with pytest.raises(InputError, match="no film has a label"):
        next(fit_classifier(films, np.full_like(labels, -1), epochs=1, seed=0, config=SMALL))


def test_a_classifier_that_diverges_is_an_input_error() -> None:
    films, labels = toy_films(64, seed=1)
    with pytest.raises(InputError, match="the loss is not finite: epoch 1"):
        list(fit_classifier(films, labels, epochs=1, seed=0, config=SMALL, learning_rate=1e30, batch_size=8))
