"""Subjects of judging for tests: a healthy web instance, a day old, with any field open to change."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from providers.observed import (
    Check,
    CheckStatus,
    Instance,
    InstanceState,
    ProbeOutcome,
    ProbeResult,
    StatusChecks,
)
from reconciler.health.judge import judge
from reconciler.health.signs import ClaimSign, Subject
from reconciler.health.verdict import RememberedHealth, Status, Verdict
from reconciler.planning.identity import Role
from tests.support.fleets import DAY, SECOND, health_spec, safety_policy, web_fleet
from tests.support.resources import NOW, OWNER, instance_of, passing_checks, slot

FLEET = web_fleet()
ID = "i-0123456789abcdef0"
OK = Check(status=CheckStatus.OK)


def an_instance(*, age: timedelta = DAY, **changes: Any) -> Instance:
    """A running instance of that age."""
    made = instance_of(
        FLEET,
        slot("web/0"),
        image="ami-0",
        incarnation=1,
        role=Role.OCCUPANT,
        state=InstanceState.RUNNING,
        launched_at=NOW - age,
        zone="use1-az1",
        owner=OWNER,
    )
    return replace(made, id=ID, **changes)


def checks(**changes: Any) -> StatusChecks:
    """All three checks ok, but those named."""
    return replace(passing_checks(ID), **changes)


def impaired(*, since: datetime | None = None) -> Check:
    """A failing check, dated by EC2 where told."""
    return Check(status=CheckStatus.IMPAIRED, impaired_since=since)


def probe(outcome: ProbeOutcome, *, at: datetime = NOW) -> ProbeResult:
    """One look at the service."""
    detail = "connected" if outcome is ProbeOutcome.PASSED else "refused"
    return ProbeResult(instance_id=ID, outcome=outcome, detail=detail, at=at)


def a_claim(*, attached: bool, in_error: bool = False) -> ClaimSign:
    """The claim `data`."""
    return ClaimSign(claim="data", attached=attached, in_error=in_error, detail="vol-0 is there")


def was_healthy(**changes: Any) -> RememberedHealth:
    """What is remembered of an instance that has been healthy for a day."""
    remembered = RememberedHealth(
        status=Status.HEALTHY,
        status_since=NOW - DAY,
        healthy_at=NOW - DAY,
        good_since=NOW - DAY,
    )
    return replace(remembered, **changes)


def subject(**changes: Any) -> Subject:
    """A healthy web instance without a probe, a day old."""
    judged = Subject(
        spec=health_spec(),
        policy=safety_policy(),
        instance=an_instance(),
        checks=passing_checks(ID),
        probe=None,
        claims=(),
        remembered=was_healthy(),
        restarted_at=None,
        stopped_by_us=False,
        blind=False,
    )
    return replace(judged, **changes)


def judged(now: datetime = NOW, **changes: Any) -> Verdict:
    """The verdict on such a subject."""
    return judge(subject(**changes), now)[0]


def remembered_after(now: datetime = NOW, **changes: Any) -> RememberedHealth:
    """What judging such a subject leaves to be remembered."""
    return judge(subject(**changes), now)[1]


class Watched:
    """An instance that is judged pass after pass, each remembering the one before."""

    def __init__(self, *, every: timedelta = 15 * SECOND, **fields: Any) -> None:
        self.now = NOW
        self.every = every
        self.fields = fields
        self.remembered: RememberedHealth | None = fields.pop("remembered", was_healthy())

    def look(self, **changes: Any) -> Verdict:
        """Judge it now, with those fields changed from now on, and let a pass go by."""
        self.fields |= changes
        judging = subject(**{**self.fields, "remembered": self.remembered})
        verdict, self.remembered = judge(judging, self.now)
        self.now += self.every
        return verdict

    def until(self, status: Status, *, within: timedelta = timedelta(hours=6)) -> timedelta:
        """How long it takes until it is judged so; AssertionError when it is not in time."""
        began = self.now
        while self.now - began <= within:
            at = self.now
            if self.look().status is status:
                return at - began
        raise AssertionError(f"not {status} within {within}")
