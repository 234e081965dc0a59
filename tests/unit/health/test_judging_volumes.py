"""How a volume is judged: what names it as stuck, for how long, and what is only slow, only filling, or not known.

Each table is a story: what is said of a volume from which minute on, and how it is judged at which minute. Looks are
15 seconds apart, as in a pass. `unhealthyAfter` is 3 minutes, `recoverAfter` 2, `startupGrace` 10.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from providers.observed import Volume, VolumeState
from providers.observed_volumes import (
    IoPerformance,
    StatusOfVolume,
    VolumeIo,
    VolumeStatus,
)
from reconciler.health.volumes import (
    RememberedVolume,
    VolumeCondition,
    VolumeSign,
    VolumeSubject,
    VolumeVerdict,
    judge_volume,
)
from tests.support.fleets import DAY, HOUR, MINUTE, SECOND, health_spec, postgres_fleet
from tests.support.resources import NOW, OWNER, slot, volume_of
from tests.support.volume_health import (
    disabled,
    metrics,
    no_metrics,
    slow,
    stalled,
    status_of,
)

FLEET = postgres_fleet()
VOLUME = volume_of(
    FLEET,
    slot("shared-postgres/0"),
    FLEET.claims[0],
    incarnation=1,
    state=VolumeState.IN_USE,
    created_at=NOW - DAY,
    zone="use1-az1",
    owner=OWNER,
)
ID = VOLUME.id
WELL, SUSPECT, STUCK, IO_DISABLED, UNKNOWN = VolumeCondition

OK = status_of(ID)
STALLED = stalled(ID)
SLOW = slow(ID)
DISABLED = disabled(ID)
UNDECIDED = status_of(ID, status=StatusOfVolume.INSUFFICIENT_DATA)
UNEXPLAINED = status_of(
    ID, status=StatusOfVolume.IMPAIRED, io_performance=IoPerformance.NOT_APPLICABLE
)
FILLING_AND_SLOW = slow(ID, initialized_percent=40)
FILLING_AND_STALLED = stalled(ID, initialized_percent=40)
FILLED_AND_STALLED = stalled(ID, initialized_percent=100)
NOT_READ = None

LOOK = 15 * SECOND


@dataclass
class Watched:
    """A volume that is looked at again and again, with what is remembered of it in between."""

    now: datetime = NOW
    remembered: RememberedVolume | None = None
    grace_ends: datetime | None = None
    verdicts: list[VolumeVerdict] = field(default_factory=list)

    def look(
        self,
        status: VolumeStatus | None = OK,
        *,
        minutes: tuple[str, ...] | None = None,
        volume: Volume = VOLUME,
    ) -> VolumeVerdict:
        io: VolumeIo | None = None
        if minutes is not None:
            # CloudWatch is a minute late, and its minutes begin at whole ones.
            until = self.now.replace(second=0) - MINUTE
            io = metrics(ID, *minutes, until=until) if minutes else no_metrics(ID)
        subject = VolumeSubject(
            spec=health_spec(),
            volume=volume,
            status=status,
            io=io,
            remembered=self.remembered,
            grace_ends=self.grace_ends,
        )
        verdict, self.remembered = judge_volume(subject, self.now)
        self.verdicts.append(verdict)
        self.now += LOOK
        return verdict

    def looks(
        self,
        status: VolumeStatus | None = OK,
        *,
        lasting: timedelta,
        minutes: tuple[str, ...] | None = None,
    ) -> VolumeVerdict:
        """Look after look for that long, and once at its end."""
        end = self.now + lasting
        while self.now < end:
            self.look(status, minutes=minutes)
        return self.look(status, minutes=minutes)


@pytest.fixture
def watched() -> Watched:
    return Watched()


# What names a volume, and what does not


@pytest.mark.parametrize(
    ("said", "judged"),
    [
        (OK, (WELL, WELL, WELL, WELL)),
        (STALLED, (SUSPECT, SUSPECT, STUCK, STUCK)),
        (FILLED_AND_STALLED, (SUSPECT, SUSPECT, STUCK, STUCK)),
        (DISABLED, (IO_DISABLED, IO_DISABLED, IO_DISABLED, IO_DISABLED)),
        (SLOW, (SUSPECT, SUSPECT, SUSPECT, SUSPECT)),
        (UNEXPLAINED, (SUSPECT, SUSPECT, SUSPECT, SUSPECT)),
        (FILLING_AND_SLOW, (WELL, WELL, WELL, WELL)),
        (FILLING_AND_STALLED, (SUSPECT, SUSPECT, SUSPECT, SUSPECT)),
        (UNDECIDED, (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)),
        (NOT_READ, (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)),
    ],
    ids=[
        "well",
        "stalled",
        "stalled and filled",
        "I/O disabled",
        "slow",
        "impaired without a reason",
        "slow while it is filled",
        "stalled while it is filled",
        "insufficient data",
        "not read",
    ],
)
def test_volume_status_is_judged(
    watched: Watched, said: VolumeStatus | None, judged: tuple[VolumeCondition, ...]
) -> None:
    """At once, before three minutes are over, then, and after an hour."""
    at_once, before, then, at_last = judged
    assert watched.look(said).condition is at_once
    assert watched.looks(said, lasting=3 * MINUTE - 2 * LOOK).condition is before
    assert watched.look(said).condition is then
    assert watched.looks(said, lasting=HOUR).condition is at_last


@pytest.mark.parametrize(
    ("minutes", "condition", "signs"),
    [
        (("served",) * 5, WELL, set()),
        (("idle",) * 5, WELL, set()),
        (("served", "stalled", "served"), WELL, set()),
        (("served", "served", "stalled"), SUSPECT, {VolumeSign.STALLED_IO_CHECK}),
        (("served", "stalled", "stalled"), STUCK, {VolumeSign.STALLED_IO_CHECK}),
        (("served", "queue", "queue"), STUCK, {VolumeSign.QUEUE}),
        (("stalled", "stalled", "silent"), STUCK, {VolumeSign.STALLED_IO_CHECK}),
        ((), WELL, set()),
    ],
)
def test_metrics_are_judged_by_their_own_dates(
    watched: Watched,
    minutes: tuple[str, ...],
    condition: VolumeCondition,
    signs: set[VolumeSign],
) -> None:
    """Two bad minutes that CloudWatch tells of a minute late began three minutes ago."""
    verdict = watched.look(OK, minutes=minutes)
    assert verdict.condition is condition
    assert verdict.bad_signs == signs


def test_half_of_the_operations_are_not_none(watched: Watched) -> None:
    """A queue is no sign where the operations are not known."""
    io = metrics(ID, "queue", "queue", "queue", until=NOW)
    unknown = replace(io, minutes=tuple(replace(item, operations=None) for item in io.minutes))
    subject = VolumeSubject(
        spec=health_spec(),
        volume=VOLUME,
        status=OK,
        io=unknown,
        remembered=None,
        grace_ends=None,
    )
    assert judge_volume(subject, NOW)[0].condition is WELL


def test_the_state_error_is_the_last_word(watched: Watched) -> None:
    """Its status says ok all the while (EBS user guide)."""
    lost = replace(VOLUME, state=VolumeState.ERROR)
    verdict = watched.look(OK, volume=lost)
    assert verdict.condition is STUCK
    assert verdict.bad_signs == {VolumeSign.STATE}


def test_disabled_io_is_not_stuck_although_its_queue_stands(watched: Watched) -> None:
    """What is done about it is its owner's choice."""
    queue = ("queue",) * 5
    assert watched.looks(DISABLED, lasting=10 * MINUTE, minutes=queue).condition is IO_DISABLED


def test_a_volume_that_is_filled_is_not_stuck_by_its_metrics_either(watched: Watched) -> None:
    stands = ("stalled",) * 5
    assert watched.looks(FILLING_AND_SLOW, lasting=9 * MINUTE, minutes=stands).condition is SUSPECT


def test_one_bad_source_is_enough_whatever_the_other_says(watched: Watched) -> None:
    """The status is minutes behind."""
    assert watched.look(OK, minutes=("stalled",) * 5).condition is STUCK
    late = Watched()
    assert late.looks(STALLED, lasting=3 * MINUTE, minutes=("served",) * 5).condition is STUCK


# For how long


def test_a_verdict_says_when_it_would_change(watched: Watched) -> None:
    assert watched.look(STALLED).changes_at == NOW + 3 * MINUTE


def test_a_sign_that_pauses_is_counted_from_its_return(watched: Watched) -> None:
    watched.looks(STALLED, lasting=2 * MINUTE)
    assert watched.look(OK).condition is WELL
    assert watched.looks(STALLED, lasting=2 * MINUTE).condition is SUSPECT


def test_signs_count_after_the_grace_of_the_instance(watched: Watched) -> None:
    watched.grace_ends = NOW + 10 * MINUTE
    assert watched.look(STALLED).changes_at == NOW + 13 * MINUTE
    assert watched.looks(STALLED, lasting=12 * MINUTE).condition is SUSPECT
    assert watched.looks(STALLED, lasting=MINUTE).condition is STUCK


def test_recovery_must_last_two_minutes_and_is_latched_until_then(watched: Watched) -> None:
    watched.looks(STALLED, lasting=4 * MINUTE)
    recovering = watched.look(OK)
    assert recovering.condition is SUSPECT
    assert recovering.changes_at == watched.now - LOOK + 2 * MINUTE
    assert watched.remembered is not None
    assert watched.remembered.condition is STUCK
    assert watched.looks(OK, lasting=2 * MINUTE - 2 * LOOK).condition is SUSPECT
    assert watched.look(OK).condition is WELL


def test_a_recovery_that_is_broken_off_begins_again(watched: Watched) -> None:
    watched.looks(STALLED, lasting=4 * MINUTE)
    watched.looks(OK, lasting=MINUTE)
    watched.look(SLOW)
    assert watched.looks(OK, lasting=MINUTE).condition is SUSPECT
    assert watched.remembered is not None
    assert watched.remembered.condition is STUCK


def test_what_was_only_suspected_is_well_again_at_once(watched: Watched) -> None:
    watched.looks(SLOW, lasting=10 * MINUTE)
    assert watched.look(OK).condition is WELL


def test_disabled_io_recovers_like_a_stuck_volume(watched: Watched) -> None:
    watched.look(DISABLED)
    assert watched.look(OK).condition is SUSPECT
    assert watched.looks(OK, lasting=2 * MINUTE).condition is WELL


# While nothing can be seen


def test_timers_do_not_run_while_blind(watched: Watched) -> None:
    watched.looks(STALLED, lasting=2 * MINUTE)
    assert watched.looks(NOT_READ, lasting=30 * MINUTE).condition is UNKNOWN
    assert watched.look(STALLED).condition is SUSPECT
    assert watched.looks(STALLED, lasting=45 * SECOND).condition is STUCK


def test_recovery_does_not_run_while_blind(watched: Watched) -> None:
    watched.looks(STALLED, lasting=4 * MINUTE)
    watched.looks(OK, lasting=MINUTE)
    watched.looks(UNDECIDED, lasting=30 * MINUTE)
    assert watched.look(OK).condition is SUSPECT
    assert watched.looks(OK, lasting=MINUTE).condition is WELL


def test_silence_of_whoever_spoke_against_it_is_no_recovery(watched: Watched) -> None:
    """The status never said anything: it is five minutes late, and made for some types of volumes only."""
    assert watched.look(OK, minutes=("stalled",) * 5).condition is STUCK
    assert watched.looks(OK, lasting=10 * MINUTE).condition is UNKNOWN
    assert watched.looks(OK, lasting=10 * MINUTE, minutes=()).condition is UNKNOWN
    assert watched.look(OK, minutes=("served",) * 5).condition is SUSPECT
    assert watched.looks(OK, lasting=2 * MINUTE, minutes=("served",) * 5).condition is WELL


def test_metrics_still_speak_while_the_status_can_not_be_read(watched: Watched) -> None:
    assert watched.look(NOT_READ, minutes=("stalled",) * 5).condition is STUCK
    assert watched.look(NOT_READ, minutes=("served",) * 5).condition is UNKNOWN


def test_a_verdict_of_unknown_keeps_its_date(watched: Watched) -> None:
    watched.look(STALLED)
    blind_since = watched.now
    assert watched.looks(NOT_READ, lasting=5 * MINUTE).since == blind_since


# What is remembered


@pytest.mark.parametrize("said", [OK, UNDECIDED, NOT_READ])
def test_nothing_is_remembered_of_a_volume_that_was_never_in_trouble(
    watched: Watched, said: VolumeStatus | None
) -> None:
    watched.looks(said, lasting=10 * MINUTE)
    assert watched.remembered is None


def test_a_volume_that_was_always_well_is_judged_the_same_at_any_time(watched: Watched) -> None:
    watched.looks(OK, lasting=10 * MINUTE)
    assert all(verdict == watched.verdicts[0] for verdict in watched.verdicts)
    assert watched.verdicts[0].since == VOLUME.created_at


def test_a_volume_that_is_well_again_leaves_its_memory_unchanged(watched: Watched) -> None:
    watched.looks(STALLED, lasting=4 * MINUTE)
    watched.looks(OK, lasting=3 * MINUTE)
    before, verdict = watched.remembered, watched.verdicts[-1]
    assert before is not None
    assert verdict.since == before.condition_since > NOW
    assert watched.looks(OK, lasting=10 * MINUTE) == verdict
    assert watched.remembered is before


def test_a_stuck_volume_says_since_when_and_why(watched: Watched) -> None:
    verdict = watched.looks(STALLED, lasting=10 * MINUTE)
    assert verdict.since == NOW + 3 * MINUTE
    (evidence,) = verdict.evidence
    assert (evidence.sign, evidence.source) == (VolumeSign.IO_PERFORMANCE, "volume-status")
    assert (evidence.since, evidence.detail) == (NOW, "impaired: stalled")
