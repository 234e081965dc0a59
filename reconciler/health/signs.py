"""What each source says of one instance, as evidence, and since when (design section 6).

read_signs      one piece of evidence for each source that says something
since_when      each bad sign gets the instant since which it lasts, from the source or from memory
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

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
from reconciler.health.verdict import Evidence, RememberedHealth, Sign, Weight


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

    `checks` and `probe` are None where there is no data. `restarted_at` is when its start last began anew by our
    doing: a reboot, a start, the commit, or the attachment of its data. `blind` is True where the observation has a
    gap that covers what this instance would be judged by. `reported` is what users' own checks yielded.
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

    @property
    def started_at(self) -> datetime:
        """The last start: EC2's, or what counts as one by our doing."""
        return max(self.instance.launched_at, self.restarted_at or self.instance.launched_at)

    @property
    def grace_ends(self) -> datetime:
        """Until when bad signs do not count."""
        return self.started_at + self.spec.startup_grace

    @property
    def not_healthy_since_start(self) -> bool:
        """It never was healthy, or not since its last start."""
        if self.remembered is None or self.remembered.healthy_at is None:
            return True
        trouble = self.remembered.trouble_since
        return (
            self.restarted_at is not None and trouble is not None and trouble <= self.restarted_at
        )

    @property
    def claims_attached(self) -> bool:
        """Every claim is where it belongs."""
        return all(claim.attached for claim in self.claims)


def read_signs(subject: Subject, now: datetime) -> tuple[Evidence, ...]:
    """One piece of evidence for each source that says something; since now, or since all was good."""
    good_since = (subject.remembered.good_since if subject.remembered else None) or now
    signs = [_state_sign(subject, now)]
    signs += [*_check_signs(subject, now, good_since), _probe_sign(subject, now, good_since)]
    signs += subject.reported
    signs += [
        _evidence(Sign.CLAIM_ERROR, "ebs", Weight.BAD, now, claim.detail)
        for claim in subject.claims
        if claim.in_error
    ]
    return tuple(sign for sign in signs if sign is not None)


@lru_cache(maxsize=4096)  # Most evidence of a pass is alike; one object serves it all.
def _evidence(sign: Sign, source: str, weight: Weight, since: datetime, detail: str) -> Evidence:
    return Evidence(sign=sign, source=source, weight=weight, since=since, detail=detail)


def _state_sign(subject: Subject, now: datetime) -> Evidence | None:
    instance = subject.instance
    if instance.state in (InstanceState.STOPPING, InstanceState.STOPPED):
        whose = "by us" if subject.stopped_by_us else "by hand or by EC2"
        since = instance.state_changed_at or now
        detail = whose if instance.state is InstanceState.STOPPED else f"{whose}, still stopping"
        return _evidence(Sign.STOPPED, "ec2", Weight.BAD, since, detail)
    if instance.state is InstanceState.PENDING:
        late = now >= instance.launched_at + subject.policy.deadlines.pending
        weight = Weight.BAD if late else Weight.NEUTRAL
        return _evidence(Sign.PENDING, "ec2", weight, instance.launched_at, "still pending")
    return None


def _check_signs(subject: Subject, now: datetime, good_since: datetime) -> list[Evidence]:
    if subject.instance.state is not InstanceState.RUNNING:
        return []
    if subject.checks is None:
        why = "status checks could not be read" if subject.blind else "EC2 shows no status checks"
        return [_evidence(Sign.NO_DATA, "ec2", Weight.NEUTRAL, now, why)]
    checks = subject.checks
    signs = [
        _check_sign(Sign.SYSTEM_CHECK, checks.system, now, good_since),
        _check_sign(Sign.INSTANCE_CHECK, checks.instance, now, good_since),
        _check_sign(Sign.ATTACHED_EBS_CHECK, checks.attached_ebs, now, good_since),
    ]
    for event in checks.events:
        at = f" at {event.not_before:%Y-%m-%d %H:%M}Z" if event.not_before else ""
        detail = f"{event.code}{at}"
        signs.append(_evidence(Sign.SCHEDULED_EVENT, "ec2", Weight.NEUTRAL, now, detail))
    return signs


CHECK_WEIGHTS = {
    CheckStatus.OK: Weight.GOOD,
    CheckStatus.IMPAIRED: Weight.BAD,
    CheckStatus.NOT_APPLICABLE: Weight.GOOD,
    CheckStatus.INITIALIZING: Weight.NEUTRAL,
    CheckStatus.INSUFFICIENT_DATA: Weight.NEUTRAL,
}


def _check_sign(sign: Sign, check: Check, now: datetime, good_since: datetime) -> Evidence:
    weight = CHECK_WEIGHTS[check.status]
    since = good_since if weight is Weight.GOOD else check.impaired_since or now
    return _evidence(sign, "ec2", weight, since, str(check.status))


def _probe_sign(subject: Subject, now: datetime, good_since: datetime) -> Evidence | None:
    spec, result = subject.spec.probe, subject.probe
    if spec is None or subject.instance.state is not InstanceState.RUNNING:
        return None
    if result is None or result.outcome is ProbeOutcome.UNKNOWN:
        detail = "not probed" if result is None else result.detail
        return _evidence(Sign.NO_DATA, "probe", Weight.NEUTRAL, now, detail)
    if result.outcome is ProbeOutcome.PASSED:
        return _evidence(Sign.PROBE, "probe", Weight.GOOD, good_since, result.detail)
    if not subject.claims_attached:
        # What serves from a volume can't serve without it: no word against the instance.
        detail = f"{result.detail}, without its data"
        return _evidence(Sign.PROBE, "probe", Weight.NEUTRAL, now, detail)
    failures = probe_failures(subject)
    weight = Weight.BAD if failures >= spec.threshold else Weight.NEUTRAL
    detail = f"{result.detail} ({failures} in a row of {spec.threshold})"
    return _evidence(Sign.PROBE, "probe", weight, now, detail)


def probe_failures(subject: Subject) -> int:
    """Failures in a row, up to where they are a dated sign: from then on the date tells how long it lasts.

    One look counts once, and a probe that says nothing leaves the count as it is.
    """
    remembered, probe = subject.remembered, subject.probe
    before = remembered.probe_failures if remembered else 0
    if probe is None or probe.outcome is ProbeOutcome.UNKNOWN:
        return before
    if probe.outcome is ProbeOutcome.PASSED:
        return 0
    counted = remembered is not None and remembered.probe_failed_at == probe.at
    return before if counted or _are_counted_out(subject.spec, remembered) else before + 1


def _are_counted_out(spec: HealthSpec, remembered: RememberedHealth | None) -> bool:
    """Whether one more failure of its probe would teach nothing."""
    return (
        remembered is not None
        and spec.probe is not None
        and remembered.probe_failures >= spec.probe.threshold
        and Sign.PROBE in remembered.since
    )


def probe_failed_at(subject: Subject) -> datetime | None:
    """When the last failure was seen that the count holds."""
    remembered, probe = subject.remembered, subject.probe
    if probe is not None and probe.outcome is ProbeOutcome.FAILED:
        counted_out = _are_counted_out(subject.spec, remembered)
        return remembered.probe_failed_at if remembered and counted_out else probe.at
    passed = probe is not None and probe.outcome is ProbeOutcome.PASSED
    return None if passed or remembered is None else remembered.probe_failed_at


def since_when(
    evidence: tuple[Evidence, ...], subject: Subject, now: datetime
) -> tuple[Evidence, ...]:
    """Bad signs dated from their first sight: the source's own date, else memory's, else now."""
    if all(item.weight is not Weight.BAD for item in evidence):
        return evidence
    known: Mapping[Sign, datetime] = subject.remembered.since if subject.remembered else {}
    return tuple(
        replace(item, since=min(item.since, known.get(item.sign, now)))
        if item.weight is Weight.BAD
        else item
        for item in evidence
    )
