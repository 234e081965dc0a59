"""The whole controller on the simulated cloud: it brings fleets up, heals them, and then leaves them alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from providers.simulated.faults import (
    Brownout,
    Meddling,
    ResponseLost,
    StaleReads,
    Throttled,
    When,
)
from tests.support.fleets import postgres_fleet, web_fleet
from tests.support.simulated_cell import SimulatedCell

HOUR = timedelta(hours=1)

MakeCell = Callable[..., SimulatedCell]


@pytest.fixture
def cell_of(tmp_path: Path) -> Iterator[MakeCell]:
    made: list[SimulatedCell] = []

    def make(*fleets: Any, **options: Any) -> SimulatedCell:
        made.append(SimulatedCell(tmp_path, *fleets, **options))
        return made[-1]

    yield make
    for cell in made:
        cell.close()


def test_a_small_fleet_comes_up_and_then_nothing_is_changed_any_more(cell_of: MakeCell) -> None:
    cell = cell_of(web_fleet(replicas=2), postgres_fleet(replicas=2))
    cell.until_converged()
    assert len(cell.occupants()) == 4
    assert cell.mutating_calls_in(HOUR) == 0


def test_a_terminated_instance_is_replaced_with_its_data_kept(cell_of: MakeCell) -> None:
    cell = cell_of(postgres_fleet(replicas=2))
    cell.until_converged()
    lost = cell.occupants()[0]
    volumes = [item.volume_id for item in lost.attachments if item.device == "/dev/sdf"]
    cell.cloud.by_hand(Meddling.TERMINATE, lost.id)
    cell.until_converged()
    found = cell.occupants()[0]
    assert found.id != lost.id
    assert [item.volume_id for item in found.attachments if item.device == "/dev/sdf"] == volumes


@pytest.mark.parametrize("seed", range(3))
def test_a_fleet_comes_up_through_lost_answers_lags_and_throttles(
    cell_of: MakeCell, seed: int
) -> None:
    until = timedelta(minutes=30)
    faults = [
        ResponseLost(when=When(share=0.3, until=until)),
        StaleReads(when=When(until=until), lag=timedelta(minutes=1)),
        Throttled(when=When(share=0.2, until=until)),
        Brownout(when=When(share=0.5, since=timedelta(minutes=5), until=timedelta(minutes=10))),
    ]
    cell = cell_of(web_fleet(replicas=2), postgres_fleet(replicas=1), seed=seed, faults=faults)
    while cell.cloud.clock.elapsed < until:
        cell.one()
    cell.cloud.heal()
    cell.until_converged(within=2 * HOUR)
    assert len(cell.occupants()) == 3
    assert cell.mutating_calls_in(HOUR) == 0
