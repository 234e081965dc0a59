"""Plants every bug, one after the other, and tells which test caught it. Exit code 1 when one was not caught, or when
what is to catch it fails without it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.simulation.planted_bugs.bugs import BUGS
from tests.simulation.planted_bugs.planting import Catch, catch, fails_without

TELLING = ("broken", "pending", "surprise", "FAILED", "no end")


def main() -> int:
    for command in dict.fromkeys(bug.caught_by for bug in BUGS):
        with tempfile.TemporaryDirectory() as folder:
            if (said := fails_without(command, Path(folder))) is not None:
                print(f"{' '.join(command)} fails without a bug, so it would catch any:\n{said}")
                return 1
    missed = 0
    for bug in BUGS:
        with tempfile.TemporaryDirectory() as folder:
            result = catch(bug, Path(folder))
        missed += not result.caught
        print(
            f"{'caught' if result.caught else 'MISSED'}  {bug}\n        {_said(result)}", flush=True
        )
    print(f"{len(BUGS) - missed} of {len(BUGS)} bugs were caught")
    return 1 if missed else 0


def _said(result: Catch) -> str:
    lines = [line.strip() for line in result.said.splitlines()]
    told = [line for line in lines if line.startswith(TELLING)]
    return (told or lines[-1:] or ["nothing"])[0][:150]


if __name__ == "__main__":
    sys.exit(main())
