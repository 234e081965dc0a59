"""How the places of a cell are, in words: conditions, capabilities, and what else brakes or lifts brakes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from reconciler.health.capabilities import BreakerState, Capability
from reconciler.health.conditions import Condition, ConditionVerdict, Count, Scope, ScopeKind
from reconciler.planning.actions import SlotRef
from reconciler.planning.case import Case
from reconciler.planning.memory import Override
from reconciler.surface import words
from reconciler.surface.json_values import Json, json_value
from reconciler.surface.layout import GAP, Line, Span, Style, line, wrapped

CONDITION_STYLES: dict[Condition, Style] = {
    Condition.NORMAL: Style.GOOD,
    Condition.DEGRADED: Style.CHANGE,
    Condition.CRITICAL: Style.BAD,
    Condition.RECOVERING: Style.CHANGE,
}
BREAKER_STYLES: dict[BreakerState, Style] = {
    BreakerState.CLOSED: Style.GOOD,
    BreakerState.OPEN: Style.BAD,
    BreakerState.HALF_OPEN: Style.CHANGE,
}
BRAKED: dict[Condition, str] = {
    Condition.NORMAL: "",
    Condition.DEGRADED: "disruptive work is slowed down",
    Condition.CRITICAL: "no disruptive work but commits and owed fences",
    Condition.RECOVERING: "disruptive work is slowed down until it has cooled down",
}


def condition_lines(case: Case, *, width: int) -> list[Line]:
    """Everything in the cell that is not as in peace; nothing where all is."""
    rows = [*_whole_cell(case), *_places(case), *_fleets(case), *_breakers(case)]
    return _section(rows, width=width)


def conditions_around(case: Case, slot: SlotRef, zone: str | None, *, width: int) -> list[Line]:
    """The same as far as one slot is concerned, whose instance is in that zone."""
    fleet = case.desired.fleet(slot.fleet)
    declared = fleet.placement.zones if fleet else ()
    written = (zone, *(case.observation.zone_id(name) for name in declared))
    zones = {name for name in written if name}
    mine = {
        Scope(ScopeKind.FLEET, slot.fleet),
        Scope(ScopeKind.REGION, case.observation.cell.region),
    }
    mine |= {Scope(ScopeKind.ZONE, name) for name in zones}
    rows = [
        *_whole_cell(case),
        *_places(case, mine),
        *_fleets(case, slot.fleet),
        *_breakers(case, zones),
    ]
    return _section(rows, width=width)


def conditions_document(case: Case) -> Json:
    """Every condition that was judged, every capability that is known, and what else brakes or lifts brakes."""
    conditions, capabilities = case.conditions, case.capabilities
    return {
        "places": [
            {
                "kind": scope.kind.value,
                "name": scope.name,
                "condition": verdict.condition.value,
                "since": json_value(verdict.since),
                "changesAt": json_value(verdict.changes_at),
                "reason": verdict.reason,
                "counts": json_value(verdict.counts),
            }
            for scope, verdict in sorted(conditions.verdicts.items())
        ],
        "capabilities": [
            _capability_document(capabilities.of_zones[key])
            for key in sorted(capabilities.of_zones)
        ],
        "launchOpenEverywhere": capabilities.launch_open_everywhere,
        "apiTrouble": capabilities.api_trouble,
        "brokenFleets": json_value(dict(sorted(conditions.broken_fleets.items()))),
        "blind": conditions.blind,
        "override": json_value(case.memory.override),
    }


def override_clause(override: Override, now: datetime) -> str:
    """`BRAKES OVERRIDDEN by erin until …: the probes are wrong`."""
    until = words.ahead(override.expires_at, now)
    return f"BRAKES OVERRIDDEN by {override.given_by} until {until}: {override.reason}"


def _capability_document(item: Capability) -> Json:
    return {
        "kind": item.kind.value,
        "zone": item.zone,
        "state": item.state.value,
        "since": json_value(item.since),
        "reason": item.reason,
        "evidence": list(item.evidence),
        "nextProbeAt": json_value(item.next_probe_at),
        "waiting": item.waiting,
        "level": item.level,
    }


def _section(rows: Iterable[Line], *, width: int) -> list[Line]:
    lines: list[Line] = []
    for head, *what in rows:
        lines += wrapped(tuple(what), width=width, first=(Span(GAP), head, Span(GAP)), indent=6)
    return [line(Span("Conditions", Style.HEADING)), *lines] if lines else []


def _whole_cell(case: Case) -> Iterator[Line]:
    override = case.memory.override
    if override is not None and case.now < override.expires_at:
        yield line(
            Span("override", Style.BAD), Span(override_clause(override, case.now), Style.BAD)
        )
    if case.conditions.blind is not None:
        yield line(
            Span("blind", Style.BAD), f"{case.conditions.blind}; nothing is taken out on that alone"
        )
    if case.capabilities.api_trouble is not None:
        trouble = case.capabilities.api_trouble
        yield line(Span("API in trouble", Style.BAD), f"{trouble}; everything is slowed down")
    if case.capabilities.launch_open_everywhere is not None:
        yield line(Span("no launches", Style.BAD), case.capabilities.launch_open_everywhere)


def _places(case: Case, only: set[Scope] | None = None) -> Iterator[Line]:
    for scope, verdict in sorted(case.conditions.verdicts.items()):
        if verdict.condition is Condition.NORMAL or (only is not None and scope not in only):
            continue
        yield line(
            Span(str(scope), Style.STRONG),
            Span(verdict.condition.value, CONDITION_STYLES[verdict.condition]),
            f" since {words.ago(verdict.since, case.now)}: {_grounds(verdict, case.now)}",
        )


def _grounds(verdict: ConditionVerdict, now: datetime) -> str:
    said = [verdict.reason, *(_counted(count) for count in verdict.counts if count.sick)]
    if braked := BRAKED[verdict.condition]:
        said.append(braked)
    if verdict.changes_at is not None:
        said.append(f"changes at {words.ahead(verdict.changes_at, now)}, if nothing else does")
    return "; ".join(dict.fromkeys(item for item in said if item))


def _counted(count: Count) -> str:
    return f"{count.what}: {count.sick} of {count.of}"


def _fleets(case: Case, only: str | None = None) -> Iterator[Line]:
    for name, why in sorted(case.conditions.broken_fleets.items()):
        if only is None or name == only:
            yield line(
                Span(f"fleet {name}", Style.STRONG),
                Span("breaker open", Style.BAD),
                f": {why}; nothing disruptive is done in it",
            )


def _breakers(case: Case, only: set[str] | None = None) -> Iterator[Line]:
    for _, item in sorted(case.capabilities.of_zones.items()):
        if item.state is BreakerState.CLOSED and item.level is None:
            continue
        if only is not None and item.zone not in only:
            continue
        yield line(
            Span(f"{item.kind.value} in {item.zone}", Style.STRONG),
            Span(_state(item), BREAKER_STYLES[item.state]),
            f"{_since(item, case.now)}: {_breaker_grounds(item, case.now)}",
        )


def _state(item: Capability) -> str:
    return "working again" if item.state is BreakerState.CLOSED else item.state.value


def _since(item: Capability, now: datetime) -> str:
    return f" since {words.ago(item.since, now)}" if item.since else ""


def _breaker_grounds(item: Capability, now: datetime) -> str:
    said = [item.reason, *item.evidence[:2]]
    if item.waiting:
        said.append(f"{words.count(item.waiting, 'call')} not proven yet")
    if item.level is not None:
        said.append(f"{item.level:g} a round for now")
    if item.next_probe_at is not None and item.state is not BreakerState.CLOSED:
        said.append(f"tried again at {words.ahead(item.next_probe_at, now)}")
    return "; ".join(dict.fromkeys(part for part in said if part))
