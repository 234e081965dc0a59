"""The whole controller sees on the simulated cloud which volumes are stuck, and which are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from providers.observed import GapSubject
from providers.simulated.faults import Brownout, When
from providers.simulated.layout import Layout
from providers.simulated.records import Guest, Io
from reconciler.health.volumes import VolumeCondition, VolumeSign, VolumeVerdict
from reconciler.loop.assess import Assessment
from reconciler.loop.reconcile import PassResult
from reconciler.simulation.guard import VirtualGuard, virtual_guard
from tests.support.fleets import (
    ACCOUNT,
    HOUR,
    IMAGE,
    MINUTE,
    REGION,
    data_claim,
    desired,
    health_spec,
    postgres_fleet,
    snapshots_of,
    tcp_probe,
    web_fleet,
)

LAYOUT = Layout(account=ACCOUNT, region=REGION, images=frozenset({IMAGE}))
QUIET = 10 * MINUTE
"""By then EC2 says that new volumes are well."""
CLOUDWATCH = frozenset({"GetMetricData"})
STATUS = frozenset({"DescribeVolumeStatus"})

GuardOf = Callable[..., VirtualGuard]


@pytest.fixture
def guard_of(tmp_path: Path) -> Iterator[GuardOf]:
    """A controller over two databases in service; nothing is done about what it sees."""
    with ExitStack() as opened:

        def make(*, seed: int = 1, probed: bool = True) -> VirtualGuard:
            fleet = postgres_fleet(
                replicas=2,
                claims=(data_claim(size_gib=8, backup=snapshots_of(10 * MINUTE)),),
                health=health_spec(tcp_probe() if probed else None),
            )
            guard = opened.enter_context(
                virtual_guard(
                    desired(fleet), store=tmp_path / "store.sqlite", layout=LAYOUT, seed=seed
                )
            )
            for _ in guard.until_converged(within=HOUR):
                pass
            for _ in guard.passes(lasting=QUIET):
                pass
            return guard

        yield make


def looks(guard: VirtualGuard, *, lasting: timedelta) -> Iterator[tuple[timedelta, Assessment]]:
    """Pass after pass, with the time since the first."""
    began = guard.cloud.clock.now()
    for passed in guard.passes(lasting=lasting):
        assert isinstance(passed, PassResult)
        yield passed.assessment.case.now - began, passed.assessment


def volume_ids(guard: VirtualGuard) -> list[str]:
    """The data volumes of the two databases."""
    case = guard.look().case
    return sorted(case.volume_verdicts)


def judged_so_after(
    guard: VirtualGuard, volume_id: str, condition: VolumeCondition
) -> tuple[timedelta, VolumeVerdict]:
    """How long it takes until the volume is judged so."""
    for after, assessment in looks(guard, lasting=30 * MINUTE):
        verdict = assessment.case.volume_verdicts[volume_id]
        if verdict.condition is condition:
            return after, verdict
    raise AssertionError(f"{volume_id} was never judged {condition} within 30 minutes")


def conditions_during(
    guard: VirtualGuard, volume_id: str, *, lasting: timedelta
) -> set[VolumeCondition]:
    return {
        assessment.case.volume_verdicts[volume_id].condition
        for _, assessment in looks(guard, lasting=lasting)
    }


@pytest.mark.parametrize("seed", range(4))
def test_a_stalled_volume_is_judged_stuck_within_eight_minutes_and_no_other(
    guard_of: GuardOf, seed: int
) -> None:
    guard = guard_of(seed=seed)
    stalled, other = volume_ids(guard)
    guard.cloud.make_sick(stalled, Io.STALLED)
    after, verdict = judged_so_after(guard, stalled, VolumeCondition.STUCK)
    assert 3 * MINUTE <= after <= 8 * MINUTE
    assert verdict.bad_signs
    assert guard.look().case.volume_verdicts[other].condition is VolumeCondition.WELL


def test_metrics_see_it_sooner_where_the_instance_points_to_it(guard_of: GuardOf) -> None:
    """The attached-EBS check is about the instance; only then is CloudWatch asked which volume it is."""
    guard = guard_of()
    stalled, _ = volume_ids(guard)
    guard.cloud.make_sick(stalled, Io.STALLED)
    after, verdict = judged_so_after(guard, stalled, VolumeCondition.STUCK)
    assert after <= 6 * MINUTE
    assert {VolumeSign.STALLED_IO_CHECK, VolumeSign.QUEUE} <= verdict.bad_signs


def test_where_cloudwatch_is_down_the_status_still_tells(guard_of: GuardOf) -> None:
    guard = guard_of()
    guard.cloud.add_fault(Brownout(when=When(operations=CLOUDWATCH)))
    stalled, other = volume_ids(guard)
    guard.cloud.make_sick(stalled, Io.STALLED)
    _, verdict = judged_so_after(guard, stalled, VolumeCondition.STUCK)
    assert verdict.bad_signs == {VolumeSign.IO_PERFORMANCE}
    case = guard.look().case
    assert case.observation.lacks(GapSubject.VOLUME_METRICS)
    assert case.volume_verdicts[other].condition is VolumeCondition.WELL


def test_where_the_status_is_down_metrics_still_tell_and_others_are_not_known(
    guard_of: GuardOf,
) -> None:
    guard = guard_of()
    guard.cloud.add_fault(Brownout(when=When(operations=STATUS)))
    stalled, other = volume_ids(guard)
    guard.cloud.make_sick(stalled, Io.STALLED)
    _, verdict = judged_so_after(guard, stalled, VolumeCondition.STUCK)
    assert verdict.bad_signs == {VolumeSign.STALLED_IO_CHECK, VolumeSign.QUEUE}
    assert guard.look().case.volume_verdicts[other].condition is VolumeCondition.UNKNOWN


def test_a_slow_volume_is_never_more_than_suspected(guard_of: GuardOf) -> None:
    guard = guard_of()
    slow, _ = volume_ids(guard)
    guard.cloud.make_sick(slow, Io.SLOW)
    seen = conditions_during(guard, slow, lasting=HOUR)
    assert seen == {VolumeCondition.WELL, VolumeCondition.SUSPECT}


def test_disabled_io_is_told_apart_from_a_stuck_volume(guard_of: GuardOf) -> None:
    guard = guard_of()
    disabled, _ = volume_ids(guard)
    guard.cloud.make_sick(disabled, Io.DISABLED)
    seen = conditions_during(guard, disabled, lasting=HOUR)
    assert VolumeCondition.IO_DISABLED in seen
    assert VolumeCondition.STUCK not in seen
    guard.cloud.ec2.enable_volume_io(VolumeId=disabled)
    judged_so_after(guard, disabled, VolumeCondition.WELL)


def test_a_lost_volume_is_stuck_as_soon_as_its_state_is_seen(guard_of: GuardOf) -> None:
    guard = guard_of(probed=False)
    lost, _ = volume_ids(guard)
    guard.cloud.make_sick(lost, Io.FAILED)
    verdict = guard.look().case.volume_verdicts[lost]
    assert verdict.condition is VolumeCondition.STUCK
    assert verdict.bad_signs == {VolumeSign.STATE}


def test_a_volume_that_heals_is_well_again_after_two_minutes_of_it(guard_of: GuardOf) -> None:
    guard = guard_of()
    stalled, _ = volume_ids(guard)
    guard.cloud.make_sick(stalled, Io.STALLED)
    judged_so_after(guard, stalled, VolumeCondition.STUCK)
    guard.cloud.heal()
    guard.cloud.make_sick(stalled, Io.NORMAL)
    after, verdict = judged_so_after(guard, stalled, VolumeCondition.WELL)
    assert after >= 2 * MINUTE
    assert not verdict.bad_signs


def test_a_dead_application_does_not_make_its_volume_stuck(guard_of: GuardOf) -> None:
    """Its probe fails, so metrics are asked for; nothing waits in the queue."""
    guard = guard_of()
    well, _ = volume_ids(guard)
    [holder] = [
        item.id
        for item in guard.cloud.truth.instances.values()
        if well in {attachment.volume_id for attachment in item.attachments}
    ]
    guard.cloud.make_sick(holder, Guest.DEAD)
    asked = guard.cloud.gate.counts["GetMetricData"]
    assert conditions_during(guard, well, lasting=8 * MINUTE) == {VolumeCondition.WELL}
    assert guard.cloud.gate.counts["GetMetricData"] > asked


def test_no_snapshot_is_taken_of_a_volume_that_is_in_trouble(guard_of: GuardOf) -> None:
    guard = guard_of(probed=False)
    slow, other = volume_ids(guard)
    guard.cloud.make_sick(slow, Io.SLOW)
    judged_so_after(guard, slow, VolumeCondition.SUSPECT)
    since = guard.cloud.clock.now()
    for _ in guard.passes(lasting=HOUR):
        pass
    taken = [
        item.volume_id for item in guard.cloud.truth.snapshots.values() if item.started_at > since
    ]
    assert slow not in taken
    assert taken.count(other) >= 5


# What it costs


def test_status_is_read_each_minute_and_metrics_of_a_quiet_cell_never(guard_of: GuardOf) -> None:
    guard = guard_of()
    before = dict(guard.cloud.gate.counts)
    for _ in guard.passes(lasting=HOUR):
        pass
    asked = guard.cloud.gate.counts
    assert 55 <= asked["DescribeVolumeStatus"] - before["DescribeVolumeStatus"] <= 61
    assert asked["GetMetricData"] == before.get("GetMetricData", 0)


def test_metrics_are_asked_of_suspects_once_a_minute(guard_of: GuardOf) -> None:
    guard = guard_of(probed=False)
    slow, _ = volume_ids(guard)
    guard.cloud.make_sick(slow, Io.SLOW)
    judged_so_after(guard, slow, VolumeCondition.SUSPECT)
    before = guard.cloud.gate.counts["GetMetricData"]
    for _, assessment in looks(guard, lasting=20 * MINUTE):
        assert set(assessment.case.observation.volume_io) == {slow}
    assert 18 <= guard.cloud.gate.counts["GetMetricData"] - before <= 22


def test_a_cell_without_declared_volumes_is_never_asked(tmp_path: Path) -> None:
    fleet = web_fleet(replicas=2)
    with virtual_guard(desired(fleet), store=tmp_path / "s", layout=LAYOUT, seed=1) as guard:
        for _ in guard.passes(lasting=HOUR):
            pass
        assert guard.cloud.gate.counts["DescribeVolumeStatus"] == 0
        assert guard.cloud.gate.counts["GetMetricData"] == 0
