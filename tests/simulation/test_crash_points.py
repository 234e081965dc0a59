"""The controller dies at every write of its journal and at every call of the reference scenarios, and starts again.

Whatever died and whatever the next process finds (a view that lags, no store at all, another death), the end must be
that of the undisturbed run, and so must be the number of times that each kind of request truly changed something.
Points between which nothing was written, sent or seen leave the same file and cloud behind; each such state is tried
once. `pytest -s` prints the table of what was tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.simulation.crash_points.life import Restart
from tests.simulation.crash_points.scenarios import SCENARIOS, Scenario
from tests.simulation.crash_points.steps import Moment
from tests.simulation.crash_points.trials import Rehearsal, Trial


@pytest.fixture
def memory_disk() -> Iterator[Path]:
    """A folder in memory where there is such a thing: these deaths are of processes, not of machines, so that waiting
    for a disk would prove nothing and take half of the time.
    """
    in_memory = Path("/dev/shm")
    with TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_death_at_any_point_changes_neither_the_end_nor_what_is_done(
    scenario: Scenario, memory_disk: Path
) -> None:
    rehearsal = Rehearsal(scenario, memory_disk)
    trials = [
        *(trial for number in rehearsal.states() for trial in rehearsal.killed_at(number)),
        *rehearsal.unheard(),
    ]
    print(told(rehearsal, trials))  # noqa: T201 - the table that the run is for
    failed = [trial for trial in trials if trial.faults]
    assert not failed, "\n".join(
        f"{trial.what}:\n    " + "\n    ".join(trial.faults) for trial in failed
    )
    assert {point.moment for point in rehearsal.points} >= set(Moment)
    # A short story has no view that is older than one change.
    assert {trial.then for trial in trials} >= set(Restart) - {Restart.OLDEST_VIEW}


def told(rehearsal: Rehearsal, trials: list[Trial]) -> str:
    """How many points and states the scenario has, and how many points of each kind were tried in each way."""
    head = (
        f"{rehearsal.scenario.name}: {len(rehearsal.points)} points in"
        f" {len(rehearsal.states())} states, {len(trials)} trials"
    )
    counts = Counter((point, trial.then) for trial in trials for point in trial.points)
    lines = [f"  {count:4}  {point}; then {then}" for (point, then), count in counts.items()]
    return "\n".join(["", head, *sorted(lines, key=lambda line: line[6:])])
