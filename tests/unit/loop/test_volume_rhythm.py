"""Volumes are looked at each minute, where any are declared; CloudWatch is asked about suspects alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from desired_state.model import Fleet
from providers.observed import Gap, GapSubject, Observation, ProbeOutcome
from reconciler.health.verdict import Sign
from reconciler.health.volumes import RememberedVolume, VolumeCondition
from reconciler.loop.volume_rhythm import READ_EVERY, VolumeRhythm, with_volume_health
from tests.support.cases import CELL, Scene
from tests.support.fleets import (
    MINUTE,
    SECOND,
    desired,
    health_spec,
    postgres_fleet,
    tcp_probe,
    web_fleet,
)
from tests.support.manual_clock import ManualClock
from tests.support.memory_cloud import MemoryCloud
from tests.support.resources import NOW, instance_id, volume_id
from tests.support.volume_health import metrics, slow, stalled

DATABASES = postgres_fleet(replicas=2, health=health_spec(tcp_probe()))
FIRST, SECOND_ONE = "shared-postgres/0", "shared-postgres/1"
DATA = volume_id(FIRST)
SILENT = Gap(subject=GapSubject.VOLUME_METRICS, zone=None, code="Timeout", detail="no answer")
UNREAD = Gap(subject=GapSubject.VOLUME_STATUS, zone=None, code="Timeout", detail="no answer")


class Looking:
    """One cell, looked at again and again."""

    def __init__(self, *fleets: Fleet) -> None:
        self.fleets = fleets or (DATABASES,)
        self.clock = ManualClock(instant=NOW)
        self.cloud = MemoryCloud(self.clock, cell=CELL)
        self.rhythm = VolumeRhythm()
        self.scene = Scene(*self.fleets)
        self.scene.in_service()

    def look(self, *, after: timedelta = timedelta()) -> Observation:
        self.clock.advance(after)
        self.cloud.world.volumes.update(self.scene.volumes)
        bare = replace(
            self.scene.observation(),
            calls={"DescribeVolumes": 1},
            volume_status={},
            volume_status_as_of=None,
        )
        return with_volume_health(
            bare,
            cloud=self.cloud,
            rhythm=self.rhythm,
            desired=desired(*self.fleets),
            memory=self.scene.memory,
            now=self.clock.now(),
        )

    def suspects(self) -> set[str]:
        return set(self.look().volume_io)

    def asked(self, operation: str) -> int:
        return sum(call.operation == operation for call in self.cloud.calls)


@pytest.fixture
def looking() -> Looking:
    return Looking()


# Status


def test_a_cell_without_declared_volumes_is_never_asked() -> None:
    looking = Looking(web_fleet())
    seen = looking.look()
    assert looking.cloud.calls == []
    assert (seen.volume_status_as_of, seen.calls) == (None, {"DescribeVolumes": 1})


def test_a_fleet_of_another_region_does_not_count(looking: Looking) -> None:
    elsewhere = replace(DATABASES.placement, region="eu-west-1")
    looking.fleets = (replace(DATABASES, placement=elsewhere),)
    assert looking.look().volume_status_as_of is None


def test_status_is_read_once_a_minute_and_says_when(looking: Looking) -> None:
    first = looking.look()
    between = looking.look(after=READ_EVERY - SECOND)
    assert (looking.asked("ObserveVolumeStatus"), between.volume_status_as_of) == (1, NOW)
    assert first.calls == {"DescribeVolumes": 1, "DescribeVolumeStatus": 1}
    assert between.calls == {"DescribeVolumes": 1}
    assert between.volume_status is first.volume_status
    again = looking.look(after=SECOND)
    assert again.volume_status_as_of == NOW + READ_EVERY


def test_a_new_volume_is_looked_at_at_once(looking: Looking) -> None:
    looking.look()
    looking.scene.volume(FIRST, incarnation=2)
    seen = looking.look(after=15 * SECOND)
    assert volume_id(FIRST, incarnation=2) in seen.volume_status
    looking.look(after=15 * SECOND)
    assert looking.asked("ObserveVolumeStatus") == 2


def test_a_volume_that_is_gone_is_no_reason_to_look(looking: Looking) -> None:
    looking.look()
    looking.scene.vanished(DATA)
    looking.look(after=15 * SECOND)
    assert looking.asked("ObserveVolumeStatus") == 1


def test_a_list_that_fails_is_a_gap_until_the_next(looking: Looking) -> None:
    looking.look()
    looking.cloud.volume_status_gaps = [UNREAD]
    failed = looking.look(after=READ_EVERY)
    assert failed.lacks(GapSubject.VOLUME_STATUS) == UNREAD
    assert failed.volume_status == {}
    looking.cloud.volume_status_gaps = []
    assert looking.look(after=READ_EVERY - SECOND).gaps == (UNREAD,)
    healed = looking.look(after=SECOND)
    assert healed.gaps == ()
    assert DATA in healed.volume_status


def test_of_a_zone_that_can_not_be_read_the_rest_is_still_seen(looking: Looking) -> None:
    here, there = (looking.scene.volumes[volume_id(text)] for text in (FIRST, SECOND_ONE))
    looking.cloud.volume_status_gaps = [replace(UNREAD, zone=here.zone)]
    seen = looking.look()
    assert set(seen.volume_status) == {there.id}
    assert seen.lacks(GapSubject.VOLUME_STATUS, here.zone)
    assert not seen.lacks(GapSubject.VOLUME_STATUS, there.zone)


# Suspects


def test_nobody_is_suspected_where_all_is_well(looking: Looking) -> None:
    assert looking.suspects() == set()
    assert looking.asked("ObserveVolumeIo") == 0


@pytest.mark.parametrize("status", [slow(DATA), stalled(DATA)])
def test_a_volume_whose_status_is_not_ok_is_suspected(looking: Looking, status: object) -> None:
    looking.cloud.volume_status[DATA] = status  # type: ignore[assignment]
    assert looking.suspects() == {DATA}


def test_the_volumes_of_an_instance_whose_ebs_check_or_probe_fails_are_suspected(
    looking: Looking,
) -> None:
    looking.scene.sick(FIRST, Sign.ATTACHED_EBS_CHECK)
    assert looking.suspects() == {DATA}
    looking.scene.probe(SECOND_ONE, ProbeOutcome.FAILED)
    assert looking.suspects() == {DATA, volume_id(SECOND_ONE)}


def test_other_checks_of_an_instance_do_not_speak_of_its_volumes(looking: Looking) -> None:
    looking.scene.sick(FIRST, Sign.SYSTEM_CHECK)
    looking.scene.probe(SECOND_ONE, ProbeOutcome.UNKNOWN)
    assert looking.suspects() == set()


def test_a_volume_is_suspected_until_it_is_well_again(looking: Looking) -> None:
    """Or else nobody could tell that it recovered."""
    stuck = RememberedVolume(condition=VolumeCondition.STUCK, condition_since=NOW)
    looking.scene.remembering(volumes={DATA: stuck})
    assert looking.suspects() == {DATA}
    well = replace(stuck, condition=VolumeCondition.WELL, good_since=NOW)
    looking.scene.remembering(volumes={DATA: well})
    assert looking.suspects() == set()


def test_a_volume_on_no_instance_has_no_metrics(looking: Looking) -> None:
    looking.cloud.volume_status[DATA] = stalled(DATA)
    looking.scene.detached(DATA)
    assert looking.suspects() == set()


def test_a_root_volume_is_not_asked_about(looking: Looking) -> None:
    """What hangs with it is the guest, and nothing is restored for that."""
    holder = looking.scene.instances[instance_id(FIRST)]
    looking.scene.change(holder.id, root_device="/dev/sdf")
    looking.cloud.volume_status[DATA] = stalled(DATA)
    assert looking.suspects() == set()


# Metrics


def test_metrics_are_read_once_a_minute_and_at_once_for_a_new_suspect(looking: Looking) -> None:
    looking.scene.probe(FIRST, ProbeOutcome.FAILED)
    looking.cloud.volume_io[DATA] = metrics(DATA, "stalled", until=NOW)
    seen = looking.look()
    assert seen.volume_io == {DATA: looking.cloud.volume_io[DATA]}
    assert seen.calls["GetMetricData"] == 1
    looking.look(after=30 * SECOND)
    assert looking.asked("ObserveVolumeIo") == 1
    looking.scene.probe(SECOND_ONE, ProbeOutcome.FAILED)
    assert set(looking.look().volume_io) == {DATA, volume_id(SECOND_ONE)}
    assert looking.asked("ObserveVolumeIo") == 2
    looking.look(after=MINUTE)
    assert looking.asked("ObserveVolumeIo") == 3


def test_what_is_suspected_no_more_is_not_told_of(looking: Looking) -> None:
    looking.scene.probe(FIRST, ProbeOutcome.FAILED)
    looking.scene.probe(SECOND_ONE, ProbeOutcome.FAILED)
    looking.look()
    looking.scene.probe(FIRST, ProbeOutcome.PASSED)
    assert looking.suspects() == {volume_id(SECOND_ONE)}
    looking.scene.probe(SECOND_ONE, ProbeOutcome.PASSED)
    assert looking.suspects() == set()


def test_a_failing_cloudwatch_is_a_gap_for_as_long_as_anybody_is_suspected(
    looking: Looking,
) -> None:
    looking.cloud.volume_io_gap = SILENT
    assert looking.look().gaps == ()
    looking.scene.probe(FIRST, ProbeOutcome.FAILED)
    seen = looking.look()
    assert (seen.gaps, seen.volume_io) == ((SILENT,), {})
    looking.scene.probe(FIRST, ProbeOutcome.PASSED)
    assert looking.look().gaps == ()
