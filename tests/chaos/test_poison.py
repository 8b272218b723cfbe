"""Rows that no film can be made of are rejected, each with its reason, and cost no other row anything."""

from pathlib import Path

import pytest

from cluster.assignments import ATTEMPTS
from cluster.session import connect
from tests.chaos.chaos_seed import chaos_seed
from tests.chaos.poison import POISON, most_deaths, swallow

ROWS, UNIT = 1000, 10


@pytest.mark.timeout(900)  # a worker starts for each one that is killed
def test_ten_bad_rows_cost_themselves_alone(tmp_path: Path) -> None:
    with connect(num_cpus=2):
        found = swallow(tmp_path, ROWS, UNIT, chaos_seed())
    assert found.rejects == found.expected and len(found.rejects) == len(POISON)
    assert found.images == ROWS - len(POISON) and found.unharmed
    assert ATTEMPTS <= found.deaths <= most_deaths(UNIT)
