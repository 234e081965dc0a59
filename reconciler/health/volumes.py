"""Judging one volume: what names it as stuck, slow or well, since when, and when that would change (design section 6).

    read_signs, since_when      the evidence that names this volume
    conclude                    the table from evidence to a condition, top-down
    remember                    what the next pass must know

A volume that was always well is not remembered at all. Pure: the instant is an argument, and what is learnt is a result
that the run stores and the dry run drops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from desired_state.model import HealthSpec
from providers.observed import Volume, VolumeState
from providers.observed_volumes import IoPerformance, StatusOfVolume, VolumeIo, VolumeStatus
from reconciler.health.verdict import Weight


class VolumeCondition(StrEnum):
    """The judgement of all evidence about one volume."""

    WELL = "well"
    SUSPECT = "suspect"
    """A sign that has not lasted yet, a recovery that has not, or slow."""
    STUCK = "stuck"
    """It does not serve reads and writes; nothing is waited for."""
    IO_DISABLED = "io-disabled"
    """EBS switched it off for possibly inconsistent data: its owner enables it and checks, or restores."""
    UNKNOWN = "unknown"


class VolumeSign(StrEnum):
    """A kind of evidence that names a volume."""

    STATE = "state"
    IO_PERFORMANCE = "io-performance"
    IO_ENABLED = "io-enabled"
    STALLED_IO_CHECK = "stalled-io-check"
    QUEUE = "queue-without-operations"
    NO_DATA = "no-data"


BY_STATUS = frozenset({VolumeSign.IO_PERFORMANCE, VolumeSign.IO_ENABLED})
BY_METRICS = frozenset({VolumeSign.STALLED_IO_CHECK, VolumeSign.QUEUE})
LATCHING = (VolumeCondition.STUCK, VolumeCondition.IO_DISABLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeEvidence:
    """A sign with its source (who says so), its direction, and since when."""

    sign: VolumeSign
    source: str
    weight: Weight
    since: datetime
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeVerdict:
    """The judgement of one volume, and the instant at which it would change if nothing else does."""

    condition: VolumeCondition
    since: datetime
    evidence: tuple[VolumeEvidence, ...] = ()
    changes_at: datetime | None = None

    @property
    def bad_signs(self) -> frozenset[VolumeSign]:
        """The signs that speak against it."""
        return frozenset(item.sign for item in self.evidence if item.weight is Weight.BAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedVolume:
    """What judging learnt of a volume that is not, or was not always, well; stored by the run, dropped by the dry run.

    The condition is latched: a volume that recovers stays `stuck` here until recovery is complete. `since` maps a sign
    to when it was first seen without a break.
    """

    condition: VolumeCondition
    condition_since: datetime
    since: Mapping[VolumeSign, datetime] = field(default_factory=dict)
    good_since: datetime | None = None
    """Since when nothing speaks against it without a break; recovery is counted from here."""
    blind_since: datetime | None = None
    """Since when it can't be judged; the dates above stand still until it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSubject:
    """All that is judged of one volume.

    `status` and `io` are None where there is no data; metrics are asked of suspects alone. `grace_ends` is when bad
    signs begin to count after the start of the instance that it is on; None where it is on none.
    """

    spec: HealthSpec
    volume: Volume
    status: VolumeStatus | None
    io: VolumeIo | None
    remembered: RememberedVolume | None
    grace_ends: datetime | None

    @property
    def filling(self) -> bool:
        """Still being filled from its snapshot: slow, or even stalled, for that reason."""
        return self.status is not None and self.status.filling


def judge_volume(
    subject: VolumeSubject, now: datetime
) -> tuple[VolumeVerdict, RememberedVolume | None]:
    """The verdict on one volume, and what to remember of it; None of one that was always well."""
    subject = replace(subject, remembered=_without_the_blind_time(subject, now))
    evidence = since_when(read_signs(subject, now), subject, now)
    verdict = conclude(subject, evidence, now)
    return verdict, remember(subject, verdict, now)


# The evidence


def read_signs(subject: VolumeSubject, now: datetime) -> tuple[VolumeEvidence, ...]:
    """One piece of evidence for each source that says something; good ones since all was good."""
    before = subject.remembered
    good_since = subject.volume.created_at if before is None else before.good_since or now
    signs = [
        _state_sign(subject, now),
        _status_sign(subject, now, good_since),
        *_metric_signs(subject, good_since),
    ]
    return tuple(sign for sign in signs if sign is not None)


def _state_sign(subject: VolumeSubject, now: datetime) -> VolumeEvidence | None:
    if subject.volume.state is not VolumeState.ERROR:
        return None
    return _evidence(VolumeSign.STATE, "ec2", Weight.BAD, now, "error")


def _status_sign(
    subject: VolumeSubject, now: datetime, good_since: datetime
) -> VolumeEvidence | None:
    status, source = subject.status, "volume-status"
    if status is None or status.status is StatusOfVolume.INSUFFICIENT_DATA:
        detail = "not read" if status is None else "insufficient data"
        return _evidence(VolumeSign.NO_DATA, source, Weight.NEUTRAL, now, detail)
    if status.io_disabled:
        detail = "I/O is disabled; EC2 offers enable-volume-io"
        return _evidence(VolumeSign.IO_ENABLED, source, Weight.BAD, now, detail)
    if status.status is StatusOfVolume.OK:
        return _evidence(VolumeSign.IO_PERFORMANCE, source, Weight.GOOD, good_since, "ok")
    detail = f"{status.status.value}: {status.io_performance.value}"
    stalled = (
        status.status is StatusOfVolume.IMPAIRED and status.io_performance is IoPerformance.STALLED
    )
    if subject.filling:
        detail += f", {status.initialized_percent} % filled from its snapshot"
        if status.status is StatusOfVolume.WARNING:
            # Slow while it is filled is no fault (EBS user guide, volume status checks), and it must be backed up.
            return _evidence(VolumeSign.IO_PERFORMANCE, source, Weight.GOOD, good_since, detail)
    weight = Weight.BAD if stalled and not subject.filling else Weight.NEUTRAL
    return _evidence(VolumeSign.IO_PERFORMANCE, source, weight, now, detail)


def _metric_signs(subject: VolumeSubject, good_since: datetime) -> list[VolumeEvidence]:
    minutes = subject.io.minutes if subject.io else ()
    stalled = [(item.at, item.stalled) for item in minutes]
    stands = [(item.at, item.queue_stands) for item in minutes]
    found = [
        _metric_sign(VolumeSign.STALLED_IO_CHECK, "I/O is stalled", stalled, subject),
        _metric_sign(VolumeSign.QUEUE, "requests wait and none is served", stands, subject),
    ]
    return [
        replace(item, since=good_since) if item.weight is Weight.GOOD else item
        for item in found
        if item is not None
    ]


def _metric_sign(
    sign: VolumeSign,
    what: str,
    minutes: Iterable[tuple[datetime, bool | None]],
    subject: VolumeSubject,
) -> VolumeEvidence | None:
    """The newest minute that says anything decides; a bad one dates from the first of those right before it."""
    told = [(at, bad) for at, bad in minutes if bad is not None]
    if not told:
        return None
    newest, bad = told[-1]
    if not bad:
        return _evidence(sign, "cloudwatch", Weight.GOOD, newest, "no")
    since = newest
    for at, also_bad in reversed(told):
        if not also_bad:
            break
        since = at
    weight = Weight.NEUTRAL if subject.filling else Weight.BAD
    return _evidence(sign, "cloudwatch", weight, since, what)


def _evidence(
    sign: VolumeSign, source: str, weight: Weight, since: datetime, detail: str
) -> VolumeEvidence:
    return VolumeEvidence(sign=sign, source=source, weight=weight, since=since, detail=detail)


def since_when(
    evidence: tuple[VolumeEvidence, ...], subject: VolumeSubject, now: datetime
) -> tuple[VolumeEvidence, ...]:
    """What is not good dates from its first sight: the source's own date, else memory's, else now."""
    known: Mapping[VolumeSign, datetime] = subject.remembered.since if subject.remembered else {}
    return tuple(
        item
        if item.weight is Weight.GOOD or item.sign is VolumeSign.NO_DATA
        else replace(item, since=min(item.since, known.get(item.sign, now)))
        for item in evidence
    )


# The table


def conclude(
    subject: VolumeSubject, evidence: tuple[VolumeEvidence, ...], now: datetime
) -> VolumeVerdict:
    """From evidence to a verdict."""
    condition, changes_at = _condition(subject, evidence, now)
    return VolumeVerdict(
        condition=condition,
        since=_since(subject, condition, now),
        evidence=evidence,
        changes_at=changes_at,
    )


def _condition(
    subject: VolumeSubject, evidence: tuple[VolumeEvidence, ...], now: datetime
) -> tuple[VolumeCondition, datetime | None]:
    """The condition and when it would change by itself. The first line that fits decides."""
    bad = {item.sign: item for item in evidence if item.weight is Weight.BAD}
    if VolumeSign.STATE in bad:
        return VolumeCondition.STUCK, None  # EC2's last word about a volume.
    if VolumeSign.IO_ENABLED in bad:
        # Its queue stands too, and still nothing is done to it: that is its owner's choice.
        return VolumeCondition.IO_DISABLED, None
    if bad:
        ripens_at = min(_ripens_at(item, subject) for item in bad.values())
        ripe = now >= ripens_at
        return (VolumeCondition.STUCK, None) if ripe else (VolumeCondition.SUSPECT, ripens_at)
    if _is_blind(subject, evidence):
        return VolumeCondition.UNKNOWN, None
    if not _all_good(evidence):
        return VolumeCondition.SUSPECT, None
    if (recovers_at := _recovers_at(subject, now)) > now:
        return VolumeCondition.SUSPECT, recovers_at
    return VolumeCondition.WELL, None


def _ripens_at(item: VolumeEvidence, subject: VolumeSubject) -> datetime:
    """When a bad sign has lasted long enough to count, never before the instance's grace is over."""
    counted_from = max(item.since, subject.grace_ends or item.since)
    return counted_from + subject.spec.unhealthy_after


def _is_blind(subject: VolumeSubject, evidence: tuple[VolumeEvidence, ...]) -> bool:
    """No status; or whoever spoke against it last says nothing any more. Silence is no recovery."""
    signs = {item.sign for item in evidence}
    if VolumeSign.NO_DATA in signs:
        return True
    before = subject.remembered.since.keys() if subject.remembered else frozenset()
    return bool(before & BY_METRICS) and not signs & BY_METRICS


def _all_good(evidence: tuple[VolumeEvidence, ...]) -> bool:
    return all(item.weight is Weight.GOOD for item in evidence)


def _recovers_at(subject: VolumeSubject, now: datetime) -> datetime:
    """When good signs have lasted long enough after trouble; now where there was none."""
    before = subject.remembered
    if before is None or before.condition not in LATCHING:
        return now
    return (before.good_since or now) + subject.spec.recover_after


def _since(subject: VolumeSubject, condition: VolumeCondition, now: datetime) -> datetime:
    before = subject.remembered
    if before is None:
        return subject.volume.created_at if condition is VolumeCondition.WELL else now
    if condition is VolumeCondition.UNKNOWN:
        return before.blind_since or now
    if condition is VolumeCondition.SUSPECT and before.condition in LATCHING:
        return before.good_since or now
    return before.condition_since if before.condition is condition else now


# What the next pass must know


def remember(
    subject: VolumeSubject, verdict: VolumeVerdict, now: datetime
) -> RememberedVolume | None:
    """Dates of signs, and the latched condition. While blind, what was known stays as it was."""
    before = subject.remembered
    if before is None and verdict.condition in (VolumeCondition.WELL, VolumeCondition.UNKNOWN):
        return None
    if before is not None and verdict.condition is VolumeCondition.UNKNOWN:
        return replace(before, blind_since=before.blind_since or now)
    if before is not None and _is_steady(before, verdict):
        return before
    recovering = before is not None and before.condition in LATCHING
    latched = before.condition if before and recovering else verdict.condition
    condition = latched if verdict.condition is VolumeCondition.SUSPECT else verdict.condition
    good = _all_good(verdict.evidence)
    return RememberedVolume(
        condition=condition,
        condition_since=(
            before.condition_since if before and before.condition is condition else now
        ),
        since={item.sign: item.since for item in verdict.evidence if _is_dated(item)},
        good_since=((before.good_since if before else None) or now) if good else None,
    )


def _is_dated(item: VolumeEvidence) -> bool:
    return item.weight is not Weight.GOOD and item.sign is not VolumeSign.NO_DATA


def _is_steady(before: RememberedVolume, verdict: VolumeVerdict) -> bool:
    """Well as it was: a steady volume leaves its memory unchanged."""
    return (
        verdict.condition is VolumeCondition.WELL
        and before.condition is VolumeCondition.WELL
        and before.good_since is not None
        and before.blind_since is None
        and not before.since
    )


def _without_the_blind_time(subject: VolumeSubject, now: datetime) -> RememberedVolume | None:
    """Memory with its dates moved on by the time in which nothing could be seen, once something can be again."""
    before = subject.remembered
    if before is None or before.blind_since is None:
        return before
    evidence = read_signs(replace(subject, remembered=replace(before, blind_since=None)), now)
    if not any(item.weight is Weight.BAD for item in evidence) and _is_blind(subject, evidence):
        return before
    blind_for = now - before.blind_since
    return replace(
        before,
        since={sign: at + blind_for for sign, at in before.since.items()},
        good_since=before.good_since + blind_for if before.good_since else None,
        blind_since=None,
    )
