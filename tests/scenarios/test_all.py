"""No scenario ships without its story."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.simulation.scenario import shipped_scenarios

TOLD = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))


@pytest.mark.parametrize("name", shipped_scenarios())
def test_every_scenario_that_ships_has_a_story(name: str) -> None:
    assert f'"{name}"' in TOLD
