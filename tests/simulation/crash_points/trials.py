"""Every point of a scenario tried: the controller dies there and starts again in every way, or its calls go unheard."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from desired_state.model import Fleet
from reconciler.planning.checks.last_look import PlanViolationError
from reconciler.store.store import Store
from tests.simulation.crash_points.life import Life, Restart, Unsettled
from tests.simulation.crash_points.memory_stage import MemoryStage
from tests.simulation.crash_points.scenarios import Scenario
from tests.simulation.crash_points.simulated_stage import SimulatedStage
from tests.simulation.crash_points.stage import Ending, Stage
from tests.simulation.crash_points.steps import Footsteps, Killed
from tests.simulation.crash_points.watched import Loss
from tests.support.fleets import desired

SEED = 1
SIMULATED_RESTARTS = (
    Restart.AS_LEFT,
    Restart.VIEWS_GO_BACK,
    Restart.STORE_LOST,
    Restart.KILLED_AGAIN,
)
"""On the simulated EC2 views lag by themselves, so that no old one is handed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was done to the controller, and what was not as in the undisturbed run: nothing, when all is well."""

    what: str
    points: tuple[str, ...]
    """The moments of all points that leave the state behind in which this was done."""
    then: str
    """What the next process found, or that there was none."""
    faults: tuple[str, ...]


class Rehearsal(ABC):
    """A scenario, traced once undisturbed, and then tried again and again.

    `points` are those of the trace, `requests` how many it sent, `undisturbed` what came of it.
    """

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.folder = folder
        self.empty = folder / "empty.sqlite"
        with Store.open(self.empty):
            pass
        self.prepare()
        footsteps = Footsteps()
        life = self.begun()
        self.requests = life.lives(footsteps).sent
        self.points = footsteps.points
        self.undisturbed = life.stage.ending()

    @abstractmethod
    def prepare(self) -> None:
        """Whatever is done once for all lives."""

    @abstractmethod
    def begun(self) -> Life:
        """The beginning of the story once more, on a stage and a file of its own."""

    @abstractmethod
    def deaths_at(self, number: int, restarts: Iterable[Restart]) -> Iterator[tuple[Restart, Life]]:
        """A life that has just come to its death at that point, for each way to start again."""

    def states(self) -> list[int]:
        """The number of the first point of each state that a kill can leave behind."""
        first: dict[int, int] = {}
        for number, point in enumerate(self.points):
            first.setdefault(point.state, number)
        return list(first.values())

    def killed_at(self, number: int, restarts: Iterable[Restart] = Restart) -> Iterator[Trial]:
        """One trial for each way to start again, where that way differs from the others."""
        point = self.points[number]
        for restart, life in self.deaths_at(number, restarts):
            goes_on = partial(life.restarted, restart, self.empty)
            faults = self._faults(life, goes_on)
            if faults is not None:
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
                life, loss = self.begun(), Loss(nth=nth, after_effect=after_effect)
                yield Trial(
                    what=f"{what} {nth} is lost",
                    points=(f"{what} lost",),
                    then="the process lives on",
                    faults=self._faults(life, partial(life.lives, Footsteps(), loss=loss)) or (),
                )

    def _faults(self, life: Life, goes_on: Callable[[], object]) -> tuple[str, ...] | None:
        """What is wrong once it has gone on to its end; None when it says False: there was nothing to try."""
        try:
            if goes_on() is False:
                return None
        except (Unsettled, PlanViolationError) as fault:
            return (f"{type(fault).__name__}: {fault}",)
        wrong = life.stage.cloud.faults
        return (*wrong, *differences(self.undisturbed, life.stage.ending()))


class MemoryRehearsal(Rehearsal):
    """On the cloud in memory. What is there before is made once, and a death is copied for every way to start again."""

    def prepare(self) -> None:
        self._beginning = self.folder / "beginning.sqlite"
        _private(self._beginning).write_bytes(self.empty.read_bytes())
        self._stage = MemoryStage(self.scenario.before)
        if self.scenario.before:
            _life(self._stage, self._beginning, self.scenario.before).lives(Footsteps())
        self._stage.cloud.changes.clear()

    def begun(self) -> Life:
        return self._begun_on(self._stage.copied(*self.scenario.declared))

    def deaths_at(self, number: int, restarts: Iterable[Restart]) -> Iterator[tuple[Restart, Life]]:
        stage = self._stage.copied(*self.scenario.declared)
        killed = self._begun_on(stage)
        _live_until(killed, number)
        for restart in restarts:
            path = _private(self.folder / "restarted.sqlite")
            yield restart, killed.copied(path, stage.copied(*self.scenario.declared))

    def _begun_on(self, stage: MemoryStage) -> Life:
        path = _private(self.folder / "store.sqlite")
        path.write_bytes(self._beginning.read_bytes())
        self.scenario.happens(stage)
        return _life(stage, path, self.scenario.declared, lasts=self.scenario.lasts)


class SimulatedRehearsal(Rehearsal):
    """On the simulated EC2, where every life is lived from its beginning."""

    def prepare(self) -> None:
        pass

    def begun(self) -> Life:
        path = _private(self.folder / "store.sqlite")
        path.write_bytes(self.empty.read_bytes())
        stage = SimulatedStage(self.scenario.before or self.scenario.declared, seed=SEED)
        if self.scenario.before:
            _life(stage, path, self.scenario.before).lives(Footsteps())
        stage.cloud.changes.clear()
        stage.fleets = self.scenario.declared
        self.scenario.happens(stage)
        return _life(stage, path, self.scenario.declared, lasts=self.scenario.lasts)

    def deaths_at(self, number: int, restarts: Iterable[Restart]) -> Iterator[tuple[Restart, Life]]:
        for restart in restarts:
            life = self.begun()
            _live_until(life, number)
            yield restart, life


def told(rehearsal: Rehearsal, trials: Sequence[Trial]) -> str:
    """How many points and states a scenario has, how many points of each kind were tried in each way, what failed."""
    head = (
        f"{rehearsal.scenario.name}: {len(rehearsal.points)} points in"
        f" {len(rehearsal.states())} states, {len(trials)} trials"
    )
    counts = Counter((point, trial.then) for trial in trials for point in trial.points)
    lines = [f"  {count:4}  {point}; then {then}" for (point, then), count in counts.items()]
    failed = [
        "\n    ".join((f"FAILED {trial.what}", *trial.faults)) for trial in trials if trial.faults
    ]
    return "\n".join(["", head, *sorted(lines, key=lambda line: line[6:]), *failed])


def _life(
    stage: Stage, path: Path, declared: Iterable[Fleet], *, lasts: timedelta = timedelta()
) -> Life:
    until = stage.clock.now() + lasts
    return Life(stage=stage, path=path, declared=desired(*declared), until=until)


def _live_until(life: Life, number: int) -> None:
    try:
        life.lives(Footsteps(kill_at=number))
    except Killed:
        return
    raise AssertionError(f"point {number} was not reached again")


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
