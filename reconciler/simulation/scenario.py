"""A scenario: an outage as data, to be replayed against a desired state (docs/scenarios.md).

scenario = load_scenario("us-east-1-2011-04-21")         a shipped name, or a path of one's own
cast = scenario.cast(roles=zone_roles(desired), begins=timedelta(hours=1))
cast.faults                                              what to give to the simulated cloud
changed(desired, change)                                 the desired state after a declared change
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from desired_state.documents.validation import validate
from desired_state.load import DesiredStateError
from desired_state.reading.diagnostics import Diagnostic, did_you_mean
from desired_state.reading.parse import parse
from desired_state.reading.source import Source, UnreadableError, read_source
from providers.simulated.faults import Fault
from providers.simulated.outages import VolumesStuck
from reconciler.simulation.scenario_document import ScenarioDocument

SCENARIOS = Path(__file__).parent / "scenarios"

ROLES = ("A", "B", "C", "D")
"""What documents call zones: A is where most slots may be, and so on down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of the outage, for reports. Times count from the beginning of the trouble."""

    name: str
    since: timedelta
    until: timedelta
    said: str
    """One sentence: what was so then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredChange:
    """Somebody changes what is declared of one fleet: at least one of `image` and `user_data`."""

    at: timedelta
    fleet: str
    """A fleet's name, `largest`, or `largest-stateless`."""
    image: str | None = None
    user_data: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """An outage. Times count from its beginning; zones are roles until it is cast."""

    name: str
    title: str
    summary: str
    sources: tuple[str, ...]
    begins_at: datetime
    lasts: timedelta
    faults: tuple[Fault, ...]
    phases: tuple[Phase, ...]
    declared_changes: tuple[DeclaredChange, ...] = ()

    def cut(self, until: timedelta) -> Scenario:
        """The same as far as that: it lasts no longer, and phases that begin later are left out."""
        return replace(
            self,
            lasts=min(self.lasts, until),
            phases=tuple(
                replace(phase, until=min(phase.until, until))
                for phase in self.phases
                if phase.since < until
            ),
        )

    def cast(
        self, *, roles: Mapping[str, str], begins: timedelta = timedelta(), seed: int = 0
    ) -> Scenario:
        """The same with the zones of an account, with all times that much later, and with what `seed` draws.

        A fault whose roles have no zone there is left out.
        """
        placed = (
            _placed(fault, roles, begins, draw=f"{seed}/{index}")
            for index, fault in enumerate(self.faults)
        )
        return replace(
            self,
            faults=tuple(fault for fault in placed if fault is not None),
            phases=tuple(
                replace(phase, since=phase.since + begins, until=phase.until + begins)
                for phase in self.phases
            ),
            declared_changes=tuple(
                replace(change, at=change.at + begins) for change in self.declared_changes
            ),
        )


def _placed(
    fault: Fault, roles: Mapping[str, str], begins: timedelta, *, draw: str
) -> Fault | None:
    when = fault.when
    zones = when.zones
    if zones is not None:
        zones = frozenset(roles[role] for role in zones if role in roles)
        if not zones:
            return None
    until = None if when.until is None else when.until + begins
    later = replace(when, since=when.since + begins, until=until, zones=zones)
    if isinstance(fault, VolumesStuck):
        curve = tuple(replace(point, at=point.at + begins) for point in fault.curve)
        return replace(fault, when=later, curve=curve, draw=draw)
    return replace(fault, when=later)


def shipped_scenarios() -> tuple[str, ...]:
    """The names of the scenarios that come with the program, in order."""
    return tuple(sorted(path.stem for path in SCENARIOS.glob("*.yaml")))


def load_scenario(name_or_path: str) -> Scenario:
    """A scenario by its shipped name or from a file. Raises DesiredStateError with all that is wrong."""
    path = Path(name_or_path)
    if name_or_path in shipped_scenarios():
        path = SCENARIOS / f"{name_or_path}.yaml"
    elif path.suffix not in (".yaml", ".yml"):
        raise DesiredStateError([_unknown(name_or_path)])
    try:
        source = read_source(path)
    except UnreadableError as error:
        line, column = error.place or (None, None)
        message = Diagnostic(
            file=str(path), line=line, column=column, message=str(error), hint=error.hint
        )
        raise DesiredStateError([message]) from error
    return _resolved(_checked(source))


def _checked(source: Source) -> ScenarioDocument:
    parsed = parse(source)
    diagnostics = list(parsed.diagnostics)
    if not diagnostics and len(parsed.documents) != 1:
        message = f"must hold one Scenario, not {len(parsed.documents)} documents"
        diagnostics.append(Diagnostic(file=source.file, message=message))
    for tree in parsed.documents[:1]:
        document, found = validate(ScenarioDocument, tree, source)
        # A value that was refused while reading is not complained of a second time.
        diagnostics += [d for d in found if (d.line, d.column) not in parsed.refused_places]
        if document is not None and not diagnostics:
            return document
    raise DesiredStateError(diagnostics)


def _resolved(document: ScenarioDocument) -> Scenario:
    spec = document.spec
    return Scenario(
        name=document.metadata.name,
        title=spec.title,
        summary=spec.summary.strip(),
        sources=tuple(spec.sources),
        begins_at=spec.begins_at,
        lasts=spec.lasts,
        faults=(
            *(trouble.fault() for trouble in spec.faults),
            *(change.fault() for change in spec.declare),
        ),
        phases=tuple(
            Phase(name=phase.name, since=phase.since, until=phase.to, said=phase.said)
            for phase in spec.phases
        ),
        declared_changes=tuple(
            DeclaredChange(
                at=change.at, fleet=change.fleet, image=change.image, user_data=change.user_data
            )
            for change in spec.declare
        ),
    )


def _unknown(name: str) -> Diagnostic:
    known = shipped_scenarios()
    hint = did_you_mean(name, known) or f"there are {', '.join(known)}; or give a .yaml file"
    return Diagnostic(file=name, message="is no scenario that is known", hint=hint)
