"""Every point of a scenario tried: the controller dies there and starts again in every way, or its calls go unheard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.planning.check import PlanViolationError
from reconciler.store.store import Store
from tests.simulation.crash_points.life import Life, Restart, Unsettled
from tests.simulation.crash_points.scenarios import Scenario
from tests.simulation.crash_points.stage import Ending, Stage
from tests.simulation.crash_points.steps import Footsteps, Killed
from tests.simulation.crash_points.watched import Loss
from tests.support.fleets import desired


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was done to the controller, and what was not as in the undisturbed run: nothing, when all is well."""

    what: str
    points: tuple[str, ...]
    """The moments of all points that leave the state behind in which this was done."""
    then: str
    """What the next process found, or that there was none."""
    faults: tuple[str, ...]


class Rehearsal:
    """A scenario, traced once undisturbed, and then tried again and again.

    `points` are those of the trace, `requests` how many it sent, `undisturbed` what came of it.
    """

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self._folder = folder
        self._empty = folder / "empty.sqlite"
        self._beginning = folder / "beginning.sqlite"
        with Store.open(self._empty):
            pass
        self._stage = self._prepared()
        footsteps = Footsteps()
        life = self._begun()
        self.requests = life.lives(footsteps).sent
        self.points = footsteps.points
        self.undisturbed = life.stage.ending()

    def states(self) -> list[int]:
        """The number of the first point of each state that a kill can leave behind."""
        first: dict[int, int] = {}
        for number, point in enumerate(self.points):
            first.setdefault(point.state, number)
        return list(first.values())

    def killed_at(self, number: int) -> Iterator[Trial]:
        """One trial for each way to start again, all from the same death."""
        point = self.points[number]
        killed = self._begun()
        try:
            killed.lives(Footsteps(kill_at=number))
        except Killed:
            pass
        else:
            raise AssertionError(f"point {number}, {point}, was not reached again")
        for restart in Restart:
            life = killed.copied(_private(self._folder / "restarted.sqlite"))
            try:
                if not life.restarted(restart, self._empty):
                    continue
                faults = self._faults(life)
            except (Unsettled, PlanViolationError) as fault:
                faults = (f"{type(fault).__name__}: {fault}",)
            yield Trial(
                what=f"killed at point {number}, {point}; the next process finds {restart}",
                points=tuple(p.moment for p in self.points if p.state == point.state),
                then=restart,
                faults=faults,
            )

    def unheard(self) -> Iterator[Trial]:
        """Two trials for each request: nobody receives it, or nobody hears the reply; the process lives on."""
        for nth in range(self.requests):
            for what, after_effect in (("request", False), ("reply", True)):
                life = self._begun()
                try:
                    life.lives(Footsteps(), loss=Loss(nth=nth, after_effect=after_effect))
                    faults = self._faults(life)
                except (Unsettled, PlanViolationError) as fault:
                    faults = (f"{type(fault).__name__}: {fault}",)
                yield Trial(
                    what=f"{what} {nth} is lost",
                    points=(f"{what} lost",),
                    then="the process lives on",
                    faults=faults,
                )

    def _faults(self, life: Life) -> tuple[str, ...]:
        wrong = life.stage.cloud.faults
        return (*wrong, *differences(self.undisturbed, life.stage.ending()))

    def _prepared(self) -> Stage:
        """What is declared before is there."""
        _private(self._beginning).write_bytes(self._empty.read_bytes())
        stage, declared = Stage(self.scenario.before), desired(*self.scenario.before)
        if self.scenario.before:
            Life(stage=stage, path=self._beginning, declared=declared).lives(Footsteps())
        stage.cloud.changes.clear()
        return stage

    def _begun(self) -> Life:
        """The beginning of the story once more, on a stage and a file of its own."""
        path = _private(self._folder / "store.sqlite")
        path.write_bytes(self._beginning.read_bytes())
        stage = self._stage.copied(*self.scenario.declared)
        self.scenario.happens(stage)
        return Life(stage=stage, path=path, declared=desired(*self.scenario.declared))


def differences(expected: Ending, found: Ending) -> list[str]:
    """In words; empty when both are the same."""
    lines = [f"missing: {line}" for line in expected.state if line not in found.state]
    lines += [f"surplus: {line}" for line in found.state if line not in expected.state]
    for what in sorted({*expected.changes, *found.changes}):
        wanted, got = expected.changes.get(what, 0), found.changes.get(what, 0)
        if wanted != got:
            lines.append(f"{what}: {got} times instead of {wanted}")
    return lines


def _private(path: Path) -> Path:
    """A file that only its owner may read, as the store wants it."""
    path.touch(mode=0o600)
    return path
