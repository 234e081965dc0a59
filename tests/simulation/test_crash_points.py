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
from tests.simulation.crash_points.scenarios import REFERENCE, SCENARIOS, Scenario
from tests.simulation.crash_points.steps import Moment
from tests.simulation.crash_points.trials import (
    SIMULATED_RESTARTS,
    MemoryRehearsal,
    SimulatedRehearsal,
    told,
)

NOW_AND_THEN = 5
"""Of the states of backups and restores, which are long stories: each fifth."""

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


@pytest.fixture
def memory_disk() -> Iterator[Path]:
    """A folder in memory where there is such a thing: these deaths are of processes, not of machines, so that waiting
    for a disk would prove nothing and take half of the time.
    """
    in_memory = Path("/dev/shm")
    with TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None) as folder:
        yield Path(folder)


def ways_after(scenario: Scenario, nth_state: int) -> list[Restart]:
    """Every way to start again; of backups and restores the rarer ones after each fifth state alone."""
    rarer = {Restart.OLDEST_VIEW, Restart.KILLED_AGAIN}
    always = scenario in REFERENCE or nth_state % NOW_AND_THEN == 0
    return [way for way in Restart if always or way not in rarer]


@every_scenario
def test_a_death_at_any_point_changes_neither_the_end_nor_what_is_done(
    scenario: Scenario, memory_disk: Path
) -> None:
    rehearsal = MemoryRehearsal(scenario, memory_disk)
    trials = [
        *(
            trial
            for nth, number in enumerate(rehearsal.states())
            for trial in rehearsal.killed_at(number, ways_after(scenario, nth))
        ),
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
    """One way to start again after each state, of backups and restores after each fifth;
    `python -m tests.simulation.crash_points` tries every way after each.
    """
    rehearsal = SimulatedRehearsal(scenario, memory_disk)
    states = rehearsal.states()[:: 1 if scenario in REFERENCE else NOW_AND_THEN]
    trials = [
        trial
        for number, restart in zip(states, cycle(SIMULATED_RESTARTS), strict=False)
        for trial in rehearsal.killed_at(number, [restart])
    ]
    table = told(rehearsal, trials)
    print(table)  # noqa: T201 - as above
    assert trials
    assert not any(trial.faults for trial in trials), table
