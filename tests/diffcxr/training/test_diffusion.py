from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diffcxr.training.diffusion import Prediction, Times, diffusion_loss


@pytest.mark.parametrize(("times", "early", "late"), [("uniform", 0.2, 0.2), ("middle", 0.056, 0.117)])
def test_times_are_drawn_all_alike_or_about_the_middle(times: Times, early: float, late: float) -> None:
    seen: list[Tensor] = []

    def predict(noisy: Tensor, times: Tensor) -> Tensor:
        seen.append(times)
        return noisy

    diffusion_loss(predict, torch.zeros(5000, 1, 1, 1), "epsilon", torch.Generator().manual_seed(0), times)
    (drawn,) = seen
    assert (drawn < 200).float().mean() == pytest.approx(early, abs=0.002)
    assert (drawn >= 800).float().mean() == pytest.approx(late, abs=0.002)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_a_teacher_says_what_is_predicted_and_what_an_error_counts(prediction: Prediction) -> None:
    def predict(noisy: Tensor, times: Tensor) -> Tensor:
        return torch.zeros_like(noisy)

    def teach(noisy: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        return torch.full_like(noisy, 3.0), (times % 2).float()

    loss = diffusion_loss(
        predict, torch.zeros(1000, 1, 2, 2), prediction, torch.Generator().manual_seed(0), teacher=teach
    )
    assert float(loss) == pytest.approx(9 / 2, rel=0.01)  # half of the times are odd
