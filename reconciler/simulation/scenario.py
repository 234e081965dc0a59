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

from providers.simulated.faults import Fault

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

    def cast(self, *, roles: Mapping[str, str], begins: timedelta = timedelta()) -> Scenario:
        """The same with the zones of an account, and with all times that much later.

        A fault whose roles have no zone there is left out.
        """
        placed = (_placed(fault, roles, begins) for fault in self.faults)
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


def _placed(fault: Fault, roles: Mapping[str, str], begins: timedelta) -> Fault | None:
    when = fault.when
    zones = when.zones
    if zones is not None:
        zones = frozenset(roles[role] for role in zones if role in roles)
        if not zones:
            return None
    until = None if when.until is None else when.until + begins
    return replace(fault, when=replace(when, since=when.since + begins, until=until, zones=zones))


def shipped_scenarios() -> tuple[str, ...]:
    """The names of the scenarios that come with the program, in order."""
    raise NotImplementedError


def load_scenario(name_or_path: str) -> Scenario:
    """A scenario by its shipped name or from a file. Raises DesiredStateError with all that is wrong."""
    raise NotImplementedError(name_or_path)
