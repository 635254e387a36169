"""Every fault test gets its `storm`: `--storm-seconds` and `--storm-seed` choose how long and by which dice."""

import pytest

from tests.faults.storm import Storm


@pytest.fixture
def storm(request: pytest.FixtureRequest) -> Storm:
    return Storm(request.config.getoption("storm_seconds"), int(request.config.getoption("storm_seed")))
