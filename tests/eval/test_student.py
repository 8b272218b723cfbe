"""Student's t is scipy.stats's, whose import is what is saved."""

import numpy as np
import pytest
from scipy.stats import t

from eval.student import margin, p_value


@pytest.mark.parametrize("degrees", [2, 17, 19.0, float("inf")])
def test_margins_and_p_values_are_scipy_s(degrees: float) -> None:
    assert margin(0.3, degrees) == pytest.approx(0.3 * t.ppf(0.975, degrees), rel=1e-14)
    for statistic in (-40.0, -1.5, 0.0, 2.5, np.inf):
        assert p_value(statistic, degrees) == pytest.approx(2 * t.sf(abs(statistic), degrees), rel=1e-13)
