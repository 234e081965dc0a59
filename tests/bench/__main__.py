"""`make bench`: every benchmark as a table with its targets; exit 1 when one is missed.

`python -m tests.bench commands` runs those named. A benchmark is a module of this package with `run() -> Report`;
to add one, write the module and list it below.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable

from tests.bench import brown_out, commands, outage, plan_over_the_wire, policies, simulation
from tests.bench.tables import Report

BENCHMARKS: dict[str, Callable[[], Report]] = {
    "commands": commands.run,
    "plan": plan_over_the_wire.run,
    "simulation": simulation.run,
    "outage": outage.run,
    "policies": policies.run,
    "brown-out": brown_out.run,
}


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all."""
    unknown = sorted(set(names) - BENCHMARKS.keys())
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
        return 1
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}\n")
    met = True
    for name in names or BENCHMARKS:
        report = BENCHMARKS[name]()
        print(report, flush=True)
        met = met and report.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
