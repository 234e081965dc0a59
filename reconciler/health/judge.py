"""Judging one instance: all evidence into a verdict, and the instant at which it would change (design section 6).

    read_signs      what each source says now, as evidence
    since_when      each bad sign gets the instant since which it lasts, from the source or from memory
    conclude        the table from evidence to a status, top-down
    remember        what the next pass must know

Pure: the instant is an argument, and what is learnt is a result that the run stores and the dry run drops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from desired_state.model import HealthSpec, SafetyPolicy
from providers.observed import (
    Check,
    CheckStatus,
    Instance,
    InstanceState,
    ProbeOutcome,
    ProbeResult,
    StatusChecks,
)
from reconciler.health.verdict import (
    Evidence,
    RememberedHealth,
    Sign,
    Status,
    Verdict,
    Weight,
)

PROBE_ALONE_PATIENCE = 3
"""A probe that fails while EC2 says ok must last this many times `unhealthyAfter` (design section 6)."""

RUNNING_CHECKS = (Sign.SYSTEM_CHECK, Sign.INSTANCE_CHECK)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSign:
    """How a claim of the instance's slot stands: attached where it belongs, or not, and whether it is in error."""

    claim: str
    attached: bool
    in_error: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """All that is judged of one instance.

    `checks` and `probe` are None where there is no data. `restarted_at` is our last reboot or start of it, which
    restarts the grace. `blind` is True where the observation has a gap that covers this instance's checks.
    """

    spec: HealthSpec
    policy: SafetyPolicy
    instance: Instance
    checks: StatusChecks | None
    probe: ProbeResult | None
    claims: tuple[ClaimSign, ...]
    remembered: RememberedHealth | None
    restarted_at: datetime | None
    stopped_by_us: bool
    blind: bool
    reported: tuple[Evidence, ...] = ()
    """What users' own checks yielded."""

    @property
    def grace_ends(self) -> datetime:
        """Until when bad signs do not count: the start, ours or EC2's, plus the grace."""
        return max(self.instance.launched_at, self.restarted_at or self.instance.launched_at) + (
            self.spec.startup_grace
        )


def judge(subject: Subject, now: datetime) -> tuple[Verdict, RememberedHealth]:
    """The verdict on one live instance, and what to remember of it."""
    evidence = since_when(read_signs(subject, now), subject, now)
    verdict = conclude(subject, evidence, now)
    return verdict, remember(subject, verdict, now)


# What the sources say


def read_signs(subject: Subject, now: datetime) -> tuple[Evidence, ...]:
    """One piece of evidence for each source that says something."""
    signs = [_state_sign(subject, now)]
    signs += _check_signs(subject, now)
    signs.append(_probe_sign(subject, now))
    signs += subject.reported
    signs += [
        _evidence(Sign.CLAIM_ERROR, "ebs", Weight.BAD, now, claim.detail)
        for claim in subject.claims
        if claim.in_error
    ]
    return tuple(sign for sign in signs if sign is not None)


def _evidence(sign: Sign, source: str, weight: Weight, since: datetime, detail: str) -> Evidence:
    return Evidence(sign=sign, source=source, weight=weight, since=since, detail=detail)


def _state_sign(subject: Subject, now: datetime) -> Evidence | None:
    instance = subject.instance
    if instance.state in (InstanceState.STOPPING, InstanceState.STOPPED):
        whose = "by us" if subject.stopped_by_us else "by hand or by EC2"
        since = instance.state_changed_at or now
        return _evidence(Sign.STOPPED, "ec2", Weight.BAD, since, f"{instance.state} {whose}")
    if instance.state is InstanceState.PENDING:
        late = now >= instance.launched_at + subject.policy.deadlines.pending
        return _evidence(
            Sign.PENDING,
            "ec2",
            Weight.BAD if late else Weight.NEUTRAL,
            instance.launched_at,
            "still pending",
        )
    return None


def _check_signs(subject: Subject, now: datetime) -> list[Evidence]:
    if subject.instance.state is not InstanceState.RUNNING:
        return []
    if subject.checks is None:
        why = "status checks could not be read" if subject.blind else "EC2 shows no status checks"
        return [_evidence(Sign.NO_DATA, "ec2", Weight.NEUTRAL, now, why)]
    checks = subject.checks
    signs = [
        _check_sign(Sign.SYSTEM_CHECK, checks.system, now),
        _check_sign(Sign.INSTANCE_CHECK, checks.instance, now),
        _check_sign(Sign.ATTACHED_EBS_CHECK, checks.attached_ebs, now),
    ]
    signs += [
        _evidence(
            Sign.SCHEDULED_EVENT,
            "ec2",
            Weight.NEUTRAL,
            now,
            f"{event.code}"
            + (f" at {event.not_before:%Y-%m-%d %H:%M}Z" if event.not_before else ""),
        )
        for event in checks.events
    ]
    return signs


def _check_sign(sign: Sign, check: Check, now: datetime) -> Evidence:
    weight = {
        CheckStatus.OK: Weight.GOOD,
        CheckStatus.IMPAIRED: Weight.BAD,
        CheckStatus.NOT_APPLICABLE: Weight.GOOD,
        CheckStatus.INITIALIZING: Weight.NEUTRAL,
        CheckStatus.INSUFFICIENT_DATA: Weight.NEUTRAL,
    }[check.status]
    return _evidence(sign, "ec2", weight, check.impaired_since or now, str(check.status))


def _probe_sign(subject: Subject, now: datetime) -> Evidence | None:
    spec, result = subject.spec.probe, subject.probe
    if spec is None or subject.instance.state is not InstanceState.RUNNING:
        return None
    if result is None or result.outcome is ProbeOutcome.UNKNOWN:
        detail = "not probed" if result is None else result.detail
        return _evidence(Sign.NO_DATA, "probe", Weight.NEUTRAL, now, detail)
    if result.outcome is ProbeOutcome.PASSED:
        return _evidence(Sign.PROBE, "probe", Weight.GOOD, now, result.detail)
    failures = _probe_failures(subject)
    weight = Weight.BAD if failures >= spec.threshold else Weight.NEUTRAL
    return _evidence(
        Sign.PROBE,
        "probe",
        weight,
        now,
        f"{result.detail} ({failures} in a row of {spec.threshold})",
    )


def _probe_failures(subject: Subject) -> int:
    """Failures in a row. One look counts once, and a probe that says nothing leaves the count as it is."""
    remembered, probe = subject.remembered, subject.probe
    before = remembered.probe_failures if remembered else 0
    if probe is None or probe.outcome is ProbeOutcome.UNKNOWN:
        return before
    if probe.outcome is ProbeOutcome.PASSED:
        return 0
    counted = remembered is not None and remembered.probe_failed_at == probe.at
    return before if counted else before + 1


# Since when


def since_when(
    evidence: tuple[Evidence, ...], subject: Subject, now: datetime
) -> tuple[Evidence, ...]:
    """Bad signs dated from their first sight: the source's own date, else memory's, else now."""
    known: Mapping[Sign, datetime] = subject.remembered.since if subject.remembered else {}
    return tuple(
        replace(item, since=min(item.since, known.get(item.sign, now)))
        if item.weight is Weight.BAD
        else item
        for item in evidence
    )


# The table


def conclude(subject: Subject, evidence: tuple[Evidence, ...], now: datetime) -> Verdict:
    """From evidence to a verdict."""
    status, changes_at = _status(subject, evidence, now)
    before = subject.remembered
    return Verdict(
        status=status,
        since=before.status_since if before and before.status is status else now,
        evidence=evidence,
        changes_at=changes_at,
        serving=_is_serving(subject, evidence),
    )


def _status(
    subject: Subject, evidence: tuple[Evidence, ...], now: datetime
) -> tuple[Status, datetime | None]:
    """The status and when it would change by itself. The first line that fits decides."""
    bad = [item for item in evidence if item.weight is Weight.BAD]
    if any(now >= _ripens_at(item, subject, bad) for item in bad):
        return Status.UNHEALTHY, None
    if bad:
        young = _never_healthy(subject) and now < subject.grace_ends
        ripens_at = min(_ripens_at(item, subject, bad) for item in bad)
        return Status.STARTING if young else Status.SUSPECT, ripens_at
    if subject.instance.state is InstanceState.PENDING:
        return Status.STARTING, subject.instance.launched_at + subject.policy.deadlines.pending
    if any(not claim.attached for claim in subject.claims):
        return Status.STARTING, None
    if not _all_good(subject, evidence):
        return _status_without_good_signs(subject, evidence, now)
    if (recovers_at := _recovers_at(subject, now)) > now:
        return Status.SUSPECT, recovers_at
    return Status.HEALTHY, None


def _status_without_good_signs(
    subject: Subject, evidence: tuple[Evidence, ...], now: datetime
) -> tuple[Status, datetime | None]:
    """Nothing bad, not everything good: starting up, never started, or simply not known."""
    initialising = any(
        item.sign in RUNNING_CHECKS and item.detail == CheckStatus.INITIALIZING for item in evidence
    )
    probing = any(item.sign is Sign.PROBE and item.weight is Weight.NEUTRAL for item in evidence)
    if not (initialising or probing):
        return Status.UNKNOWN, None
    if not _never_healthy(subject):
        return Status.SUSPECT, None
    deadline = max(
        subject.grace_ends, subject.instance.launched_at + subject.policy.deadlines.start
    )
    if now < deadline:
        return Status.STARTING, deadline
    # "Initializing" past the start deadline is EC2's positive word, not missing data.
    return (Status.UNHEALTHY if initialising else Status.SUSPECT), None


def _ripens_at(item: Evidence, subject: Subject, bad: list[Evidence]) -> datetime:
    """When a bad sign has lasted long enough to count, never before the grace is over."""
    spec, policy = subject.spec, subject.policy
    if item.sign is Sign.STOPPED:
        # Our own stop is the planner's business; anybody else's is left alone for hours.
        wait = timedelta(0) if subject.stopped_by_us else policy.stopped_by_hand_for
        return item.since + wait
    if item.sign in (Sign.PENDING, Sign.CLAIM_ERROR):
        return item.since
    patience = spec.unhealthy_after
    if item.sign is Sign.PROBE and len(bad) == 1:
        patience *= PROBE_ALONE_PATIENCE
    if item.sign is Sign.ATTACHED_EBS_CHECK and subject.claims:
        patience = max(patience, policy.attached_ebs_unnamed_after)
    return max(item.since, subject.grace_ends) + patience


def _all_good(subject: Subject, evidence: tuple[Evidence, ...]) -> bool:
    """Both running checks good, and the probe too where there is one."""
    good = {item.sign for item in evidence if item.weight is Weight.GOOD}
    wanted = set(RUNNING_CHECKS) | ({Sign.PROBE} if subject.spec.probe else set())
    return wanted <= good


def _is_serving(subject: Subject, evidence: tuple[Evidence, ...]) -> bool:
    """A passing probe is serving; without a probe, an instance that nothing speaks against is."""
    if subject.instance.state is not InstanceState.RUNNING:
        return False
    if subject.spec.probe is not None:
        return any(item.sign is Sign.PROBE and item.weight is Weight.GOOD for item in evidence)
    return (
        all(item.weight is not Weight.BAD for item in evidence)
        and all(claim.attached for claim in subject.claims)
        and _all_good(subject, evidence)
    )


def _never_healthy(subject: Subject) -> bool:
    return subject.remembered is None or subject.remembered.healthy_at is None


def _recovers_at(subject: Subject, now: datetime) -> datetime:
    """When good signs have lasted long enough after trouble; now where there was none."""
    remembered = subject.remembered
    if remembered is None or remembered.status is not Status.UNHEALTHY:
        return now
    return (remembered.good_since or now) + subject.spec.recover_after


# What the next pass must know


def remember(subject: Subject, verdict: Verdict, now: datetime) -> RememberedHealth:
    """Dates of bad signs, the latched status and the count of failed probes.

    The status stays `unhealthy` while an instance recovers, so that recovery is counted to its end. While blind,
    timers do not run: what was known stays as it was (design section 5).
    """
    before = subject.remembered
    if subject.blind and before is not None:
        return before
    recovering = (
        before is not None
        and before.status is Status.UNHEALTHY
        and verdict.status is Status.SUSPECT
        and not verdict.bad_signs
    )
    status = Status.UNHEALTHY if recovering else verdict.status
    healthy = status is Status.HEALTHY
    same = before is not None and before.status is status
    return RememberedHealth(
        status=status,
        status_since=before.status_since if same and before else now,
        since={item.sign: item.since for item in verdict.evidence if item.weight is Weight.BAD},
        healthy_at=_kept(before.healthy_at if before else None, now)
        if healthy
        else (before.healthy_at if before else None),
        trouble_since=None if healthy else _kept(before.trouble_since if before else None, now),
        good_since=None if verdict.bad_signs else _kept(before.good_since if before else None, now),
        probe_failures=_probe_failures(subject),
        probe_failed_at=_probe_failed_at(subject),
    )


def _probe_failed_at(subject: Subject) -> datetime | None:
    remembered, probe = subject.remembered, subject.probe
    if probe is not None and probe.outcome is ProbeOutcome.FAILED:
        return probe.at
    passed = probe is not None and probe.outcome is ProbeOutcome.PASSED
    return None if passed or remembered is None else remembered.probe_failed_at


def _kept(before: datetime | None, now: datetime) -> datetime:
    """The date already known, else now: a steady instance leaves its memory unchanged."""
    return before or now
