"""Judging one instance: all evidence into a verdict, and the instant at which it would change (design section 6).

    read_signs, since_when      the evidence                                       signs
    conclude                    the table from evidence to a status, top-down
    remember                    what the next pass must know

Pure: the instant is an argument, and what is learnt is a result that the run stores and the dry run drops.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from providers.observed import CheckStatus, InstanceState
from reconciler.health.signs import (
    Subject,
    probe_failed_at,
    probe_failures,
    read_signs,
    since_when,
)
from reconciler.health.verdict import (
    Evidence,
    RememberedHealth,
    Sign,
    Status,
    Verdict,
    Weight,
)

BY_ITS_VOLUME = (Sign.ATTACHED_EBS_CHECK, Sign.PROBE)
"""A volume that does not answer explains both, so that one is no second word beside the other."""
PROBE_ALONE_PATIENCE = 3
"""A probe that fails while EC2 says ok must last this many times `unhealthyAfter` (design section 6)."""

RUNNING_CHECKS = frozenset({Sign.SYSTEM_CHECK, Sign.INSTANCE_CHECK})
WITH_A_PROBE = RUNNING_CHECKS | {Sign.PROBE}


def judge(subject: Subject, now: datetime) -> tuple[Verdict, RememberedHealth]:
    """The verdict on one live instance, and what to remember of it."""
    evidence = since_when(read_signs(subject, now), subject, now)
    verdict = conclude(subject, evidence, now)
    return verdict, remember(subject, verdict, now)


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
    if subject.blind and subject.instance.state is InstanceState.RUNNING:
        return Status.UNKNOWN, None
    bad = [item for item in evidence if item.weight is Weight.BAD]
    if bad:
        return _status_by_bad_signs(subject, bad, now)
    if subject.instance.state is InstanceState.PENDING:
        return Status.STARTING, subject.instance.launched_at + subject.policy.deadlines.pending
    if not subject.claims_attached:
        return Status.STARTING, None
    if not _all_good(subject, evidence):
        return _status_without_good_signs(subject, evidence, now)
    if (recovers_at := _recovers_at(subject, now)) > now:
        return Status.SUSPECT, recovers_at
    return Status.HEALTHY, None


def _status_by_bad_signs(
    subject: Subject, bad: list[Evidence], now: datetime
) -> tuple[Status, datetime | None]:
    """Unhealthy as soon as one bad sign has lasted long enough."""
    ripens_at = min(_ripens_at(item, subject, bad) for item in bad)
    if now >= ripens_at:
        return Status.UNHEALTHY, None
    young = subject.not_healthy_since_start and now < subject.grace_ends
    return Status.STARTING if young else Status.SUSPECT, ripens_at


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
    trouble_since = (subject.remembered.trouble_since if subject.remembered else None) or now
    starts_by = max(subject.started_at, trouble_since) + subject.policy.deadlines.start
    deadline = max(subject.grace_ends, starts_by)
    if now < deadline:
        young = subject.not_healthy_since_start
        return Status.STARTING if young else Status.SUSPECT, deadline
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
    signs = {other.sign for other in bad}
    if subject.claims and Sign.ATTACHED_EBS_CHECK in signs and item.sign in BY_ITS_VOLUME:
        patience = max(patience, policy.attached_ebs_unnamed_after)
    return max(item.since, subject.grace_ends) + patience


def _all_good(subject: Subject, evidence: tuple[Evidence, ...]) -> bool:
    """Both running checks good, and the probe too where there is one."""
    good = {item.sign for item in evidence if item.weight is Weight.GOOD}
    return good >= (WITH_A_PROBE if subject.spec.probe else RUNNING_CHECKS)


def _is_serving(subject: Subject, evidence: tuple[Evidence, ...]) -> bool:
    """A passing probe is serving; without a probe, an instance that nothing speaks against is."""
    if subject.instance.state is not InstanceState.RUNNING:
        return False
    if subject.spec.probe is not None:
        return any(item.sign is Sign.PROBE and item.weight is Weight.GOOD for item in evidence)
    return (
        all(item.weight is not Weight.BAD for item in evidence)
        and subject.claims_attached
        and _all_good(subject, evidence)
    )


def _recovers_at(subject: Subject, now: datetime) -> datetime:
    """When good signs have lasted long enough after trouble; now where there was none."""
    remembered = subject.remembered
    if remembered is None or remembered.status is not Status.UNHEALTHY:
        return now
    return (remembered.good_since or now) + subject.spec.recover_after


# What the next pass must know


def remember(subject: Subject, verdict: Verdict, now: datetime) -> RememberedHealth:
    """Dates of bad signs, the latched status and the count of failed probes.

    The status stays `unhealthy` until it is healthy again, so that recovery is counted to its end. While blind,
    timers do not run: what was known stays as it was (design section 5).
    """
    before = subject.remembered
    if before is not None and (subject.blind or _is_steady(before, verdict)):
        return before
    latched = before is not None and before.status is Status.UNHEALTHY
    healthy = verdict.status is Status.HEALTHY
    status = Status.UNHEALTHY if latched and not healthy else verdict.status
    since = before.status_since if before and before.status is status else now
    good = not verdict.bad_signs and _all_good(subject, verdict.evidence)
    healthy_at = before.healthy_at if before else None
    after = RememberedHealth(
        status=status,
        status_since=since,
        since={item.sign: item.since for item in verdict.evidence if item.weight is Weight.BAD},
        healthy_at=_kept(healthy_at, now) if healthy else healthy_at,
        trouble_since=None if healthy else _kept(before.trouble_since if before else None, now),
        good_since=_kept(before.good_since if before else None, now) if good else None,
        probe_failures=probe_failures(subject),
        probe_failed_at=probe_failed_at(subject),
    )
    return before if before is not None and before == after else after


def _is_steady(before: RememberedHealth, verdict: Verdict) -> bool:
    """Healthy as it was: a steady instance leaves its memory unchanged."""
    return (
        verdict.status is Status.HEALTHY
        and before.status is Status.HEALTHY
        and before.trouble_since is None
        and before.good_since is not None
        and not before.since
        and not before.probe_failures
        and not verdict.bad_signs
    )


def _kept(before: datetime | None, now: datetime) -> datetime:
    """The date already known, else now."""
    return before or now
