"""Verdicts for tests, as judging would give them."""

from __future__ import annotations

from datetime import datetime

from reconciler.health.verdict import Evidence, Sign, Status, Verdict, Weight
from tests.support.fleets import DAY
from tests.support.resources import NOW

_SOURCES = {
    Sign.SYSTEM_CHECK: "ec2",
    Sign.INSTANCE_CHECK: "ec2",
    Sign.ATTACHED_EBS_CHECK: "ec2",
    Sign.STOPPED: "ec2",
    Sign.PROBE: "prober",
}


def healthy(*, since: datetime = NOW - DAY) -> Verdict:
    """A verdict of an instance whose every check is ok."""
    evidence = Evidence(
        sign=Sign.INSTANCE_CHECK, source="ec2", weight=Weight.GOOD, since=since, detail="ok"
    )
    return Verdict(status=Status.HEALTHY, since=since, evidence=(evidence,), serving=True)


def starting(*, since: datetime, until: datetime) -> Verdict:
    """A verdict within the startup grace."""
    evidence = Evidence(
        sign=Sign.PENDING, source="ec2", weight=Weight.NEUTRAL, since=since, detail="starting"
    )
    return Verdict(status=Status.STARTING, since=since, evidence=(evidence,), changes_at=until)


def failing(sign: Sign, *, status: Status = Status.UNHEALTHY, since: datetime) -> Verdict:
    """A verdict that rests on one bad sign since that instant."""
    evidence = Evidence(
        sign=sign,
        source=_SOURCES.get(sign, "reconciler"),
        weight=Weight.BAD,
        since=since,
        detail="fails" if sign is not Sign.STOPPED else "stopped",
    )
    return Verdict(status=status, since=since, evidence=(evidence,))
