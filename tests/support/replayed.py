"""Records of replays for tests of what is made of them, and a small outage that is really replayed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.simulated.faults import Fault
from reconciler.simulation.record import Calls, Down, Replayed
from reconciler.simulation.replaying import Run
from reconciler.simulation.report import Report
from reconciler.simulation.scenario import Phase, Scenario
from tests.support.fleets import HOUR, desired, health_spec, postgres_fleet, tcp_probe, web_fleet


def down(slot: str, since: float, until: float | None, *, tier: int = 0) -> Down:
    """A slot that was down between those hours."""
    return Down(
        slot=slot,
        tier=tier,
        since=since * HOUR,
        until=None if until is None else until * HOUR,
    )


def replayed(*lasting: Down, **changes: Any) -> Replayed:
    """A replay of ten hours of trouble, watched for twelve, with two tiers of ten slots."""
    record = Replayed(
        policy="default",
        seed=1,
        saturation=True,
        trouble_lasts=10 * HOUR,
        lasted=12 * HOUR,
        slots={0: 10, 1: 10},
        down=lasting,
        restores=(),
        approvals=(),
        bands=(),
        calls=tuple(
            Calls(minute=minute, all=4, mutating=0, failed=0) for minute in range(-60, 720)
        ),
        destroyed=(),
        launches=0,
        passes=2_880,
        passed_over=0,
    )
    return replace(record, **changes)


def scenario(*faults: Fault, lasts: timedelta = 10 * HOUR) -> Scenario:
    """Made up."""
    return Scenario(
        name="made-up",
        title="A made-up outage <with marks>",
        summary="Something happens.",
        sources=("https://example.org/outage?a=1&b=2",),
        begins_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        lasts=lasts,
        faults=faults,
        phases=(Phase(name="all", since=timedelta(), until=lasts, said="It lasts."),),
    )


def report(*records: Replayed, approves_after: timedelta | None = None) -> Report:
    """Of that outage."""
    return Report(scenario=scenario(), slots=20, approves_after=approves_after, replays=records)


def small_run(*faults: Fault, lasts: timedelta, **changes: Any) -> Run:
    """Six web servers and three databases, with probes, in an outage."""
    fleets = (web_fleet(replicas=6), postgres_fleet(replicas=3))
    probed = (replace(fleet, health=health_spec(tcp_probe())) for fleet in fleets)
    declared = desired(*probed)
    run = Run(
        scenario=scenario(*faults, lasts=lasts),
        desired=declared,
        policy_name="default",
        policy=declared.policy,
        seed=1,
        saturation=True,
    )
    return replace(run, **changes)
