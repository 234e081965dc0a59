"""Volumes that are stuck together: as many as a curve says, always the same ones, and some for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest

from providers.simulated.faults import When
from providers.simulated.outages import StuckShare, VolumesStuck
from providers.simulated.records import Io
from tests.support.simulated_account import OTHER_SUBNET, ZONE, SimulatedAccount

HOUR = timedelta(hours=1)
DURING = When(since=HOUR, until=3 * HOUR, zones=frozenset({ZONE}))


def at(hours: float, share: float) -> StuckShare:
    return StuckShare(at=timedelta(hours=hours), share=share)


def with_volumes(count: int, *faults: VolumesStuck) -> SimulatedAccount:
    """An account with that many instances, each with a data volume, in the zone of DURING, before it begins."""
    account = SimulatedAccount(*faults)
    account.ec2.run_instances(
        **account.launch_parameters(MinCount=count, MaxCount=count, SubnetId=None, Placement=None)
    )
    account.wait(minutes=5)
    return account


def stuck(account: SimulatedAccount, io: Io = Io.STALLED) -> set[str]:
    return {volume.id for volume in account.truth.volumes.values() if volume.io is io}


def to(account: SimulatedAccount, hours: float) -> None:
    account.clock.advance(account.clock.beginning + timedelta(hours=hours))


def test_the_number_of_stuck_volumes_follows_the_curve() -> None:
    curve = (at(1, 0.0), at(1.2, 0.2), at(2, 0.2), at(3, 0.0))
    account = with_volumes(50, VolumesStuck(when=DURING, curve=curve))
    counts = {}
    for hours in (0.99, 1.1, 1.21, 1.99, 2.25, 2.5, 2.75, 2.999):
        to(account, hours)
        counts[hours] = len(stuck(account))
    assert counts == {
        0.99: 0,
        1.1: pytest.approx(5, abs=1),
        1.21: 10,
        1.99: 10,
        2.25: pytest.approx(7.5, abs=1),
        2.5: pytest.approx(5, abs=1),
        2.75: pytest.approx(2.5, abs=1),
        2.999: pytest.approx(0, abs=1),
    }


def test_the_same_volumes_stay_stuck_until_each_comes_back_once() -> None:
    curve = (at(1, 0.3), at(2, 0.3), at(3, 0.0))
    account = with_volumes(40, VolumesStuck(when=DURING, curve=curve))
    to(account, 1.01)
    hit = stuck(account)
    before = hit
    for minute in range(61, 180):
        to(account, minute / 60 + 0.01)
        assert stuck(account) <= before
        before = stuck(account)
    assert len(hit) == 12


def test_a_stuck_volume_comes_back_though_its_instance_was_stopped() -> None:
    curve = (at(1, 1.0), at(2, 1.0), at(2.1, 0.0))
    account = with_volumes(1, VolumesStuck(when=DURING, curve=curve))
    to(account, 1.5)
    [instance_id] = account.truth.instances
    account.ec2.stop_instances(InstanceIds=[instance_id])
    to(account, 1.9)
    assert account.data_volume(instance_id).io is Io.STALLED
    to(account, 2.2)
    assert account.data_volume(instance_id).io is Io.NORMAL


def test_those_that_are_lost_stay_stuck_to_the_end_and_then_fail_for_ever() -> None:
    curve = (at(1, 0.5), at(2, 0.1))
    account = with_volumes(20, VolumesStuck(when=DURING, curve=curve, lost=0.1))
    to(account, 2.9)
    last = stuck(account)
    assert len(last) == 2
    to(account, 3.1)
    assert stuck(account) == set()
    assert stuck(account, Io.FAILED) == last
    account.cloud.heal()
    assert stuck(account, Io.FAILED) == last


def test_a_share_of_less_than_one_volume_is_one_volume_in_some_worlds_and_none_in_others() -> None:
    curve = (at(1, 0.5), at(2, 0.5))
    lost = []
    for draw in map(str, range(30)):
        account = with_volumes(4, VolumesStuck(when=DURING, curve=curve, lost=0.1, draw=draw))
        to(account, 3.1)
        lost.append(len(stuck(account, Io.FAILED)))
    assert set(lost) == {0, 1}
    assert 4 <= sum(lost) <= 20


def test_a_second_cohort_takes_other_volumes_than_the_first() -> None:
    curve = (at(1, 0.4), at(2, 0.4))
    faults = [VolumesStuck(when=DURING, curve=curve, draw=draw) for draw in "ab"]
    account = with_volumes(10, *faults)
    to(account, 1.5)
    assert len(stuck(account)) == 8


def test_volumes_elsewhere_and_root_volumes_are_spared() -> None:
    curve = (at(1, 1.0), at(2, 1.0))
    account = with_volumes(3, VolumesStuck(when=DURING, curve=curve))
    elsewhere = account.launched(SubnetId=OTHER_SUBNET)
    to(account, 1.5)
    assert len(stuck(account)) == 3
    assert account.data_volume(elsewhere).io is Io.NORMAL


def test_root_volumes_are_hit_when_asked_for() -> None:
    curve = (at(1, 1.0), at(2, 1.0))
    account = with_volumes(3, VolumesStuck(when=DURING, curve=curve, roots=True))
    to(account, 1.5)
    assert len(stuck(account)) == 6


def test_the_same_volumes_are_hit_whatever_was_drawn_before_and_others_by_another_draw() -> None:
    curve = (at(1, 0.2), at(2, 0.2))
    hit = []
    for draw, calls in (("a", 0), ("a", 3), ("b", 0)):
        account = with_volumes(20, VolumesStuck(when=DURING, curve=curve, draw=draw))
        for _ in range(calls):
            account.launched(SubnetId=OTHER_SUBNET)
        to(account, 1.5)
        hit.append(stuck(account))
    assert hit[0] == hit[1] != hit[2]
