"""`python -m tests.simulation.crash_points`: every point of every scenario on the simulated EC2, in every way. Minutes.

The tests try the same exhaustively on the cloud in memory, and a part of this here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulation.crash_points.scenarios import SCENARIOS
from tests.simulation.crash_points.trials import SIMULATED_RESTARTS, SimulatedRehearsal, told


def main() -> int:
    """Print a table for each scenario; 1 when any trial failed."""
    failed = 0
    for scenario in SCENARIOS:
        with TemporaryDirectory() as folder:
            rehearsal = SimulatedRehearsal(scenario, Path(folder))
            trials = [
                trial
                for number in rehearsal.states()
                for trial in rehearsal.killed_at(number, SIMULATED_RESTARTS)
            ]
            trials += rehearsal.unheard()
        sys.stdout.write(told(rehearsal, trials) + "\n")
        failed += sum(1 for trial in trials if trial.faults)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
