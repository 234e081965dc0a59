"""`python -m tests.simulation.crash_points`: every point of every scenario on the cloud in memory and on the simulated
EC2, in every way. Minutes.

The tests try nearly all of the former and a part of the latter.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulation.crash_points.life import Restart
from tests.simulation.crash_points.scenarios import SCENARIOS
from tests.simulation.crash_points.trials import (
    SIMULATED_RESTARTS,
    MemoryRehearsal,
    Rehearsal,
    SimulatedRehearsal,
    told,
)

STAGES: tuple[tuple[type[Rehearsal], Sequence[Restart]], ...] = (
    (MemoryRehearsal, tuple(Restart)),
    (SimulatedRehearsal, SIMULATED_RESTARTS),
)


def main() -> int:
    """Print a table for each scenario on each stage, and how many trials there were; 1 when any of them failed."""
    tried, failed = 0, 0
    for scenario in SCENARIOS:
        for stage, ways in STAGES:
            with TemporaryDirectory() as folder:
                rehearsal = stage(scenario, Path(folder))
                trials = [
                    trial
                    for number in rehearsal.states()
                    for trial in rehearsal.killed_at(number, ways)
                ]
                trials += rehearsal.unheard()
            sys.stdout.write(told(rehearsal, trials) + "\n")
            tried += len(trials)
            failed += sum(1 for trial in trials if trial.faults)
    sys.stdout.write(f"\n{tried} trials, {failed} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
