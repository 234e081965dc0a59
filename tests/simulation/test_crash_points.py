"""The controller dies at every write of its journal and at every call of the reference scenarios, and starts again.

Whatever died and whatever the next process finds (a view that lags, no store at all, another death), the end must be
that of the undisturbed run, and so must be the number of times that each kind of request truly changed something.
Points between which nothing was written, sent or seen leave the same file and cloud behind; each such state is tried
once. `pytest -s` prints the table of what was tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.simulation.crash_points.life import Restart
from tests.simulation.crash_points.scenarios import SCENARIOS, Scenario
from tests.simulation.crash_points.steps import Moment
from tests.simulation.crash_points.trials import (
    SIMULATED_RESTARTS,
    MemoryRehearsal,
    SimulatedRehearsal,
    told,
)

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


@pytest.fixture
def memory_disk() -> Iterator[Path]:
    """A folder in memory where there is such a thing: these deaths are of processes, not of machines, so that waiting
    for a disk would prove nothing and take half of the time.
    """
    in_memory = Path("/dev/shm")
    with TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None) as folder:
        yield Path(folder)


@every_scenario
def test_a_death_at_any_point_changes_neither_the_end_nor_what_is_done(
    scenario: Scenario, memory_disk: Path
) -> None:
    rehearsal = MemoryRehearsal(scenario, memory_disk)
    trials = [
        *(trial for number in rehearsal.states() for trial in rehearsal.killed_at(number)),
        *rehearsal.unheard(),
    ]
    table = told(rehearsal, trials)
    print(table)  # noqa: T201 - the table that the run is for
    assert not any(trial.faults for trial in trials), table
    assert {point.moment for point in rehearsal.points} >= set(Moment)
    # A short story has no view that is older than one change, and views of the cloud in memory never go back.
    sometimes = {Restart.OLDEST_VIEW, Restart.VIEWS_GO_BACK}
    assert {trial.then for trial in trials} >= set(Restart) - sometimes


@every_scenario
def test_deaths_on_the_simulated_ec2_end_as_if_nobody_had_died(
    scenario: Scenario, memory_disk: Path
) -> None:
    """One way to start again after each state; `python -m tests.simulation.crash_points` tries every way."""
    rehearsal = SimulatedRehearsal(scenario, memory_disk)
    trials = [
        trial
        for number, restart in zip(rehearsal.states(), cycle(SIMULATED_RESTARTS), strict=False)
        for trial in rehearsal.killed_at(number, [restart])
    ]
    table = told(rehearsal, trials)
    print(table)  # noqa: T201 - as above
    assert trials
    assert not any(trial.faults for trial in trials), table
