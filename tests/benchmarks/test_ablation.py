import pytest

from benchmarks.ablation import ARMS, FULL, cost, operations, steps_of


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name)
def test_every_arm_takes_as_many_operations_as_the_first(arm):
    budget = operations(steps_of(ARMS[0], FULL))
    assert operations(steps_of(arm, FULL)) == pytest.approx(budget, rel=1e-3)


def test_stages_are_in_the_order_in_which_they_build_on_each_other():
    assert list(steps_of(ARMS[-1], FULL)) == ["language", "denoiser", "adapter"]
    assert list(steps_of(ARMS[0], FULL)) == ["denoiser"]


def test_concise_tokens_make_a_step_cheaper_by_more_than_half():
    assert cost("denoiser", concise=True) < cost("denoiser", concise=False) / 2
