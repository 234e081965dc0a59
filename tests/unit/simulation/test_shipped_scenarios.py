"""The scenarios that ship: in order, with sources, and on the simulated cloud as they are told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from providers.simulated.faults import (
    Brownout,
    CapacityShort,
    InstancesSick,
    LaunchDies,
    RegionSaturated,
    Throttled,
    VolumesSick,
    ZoneDisrupted,
    ZonePartitioned,
)
from providers.simulated.outages import (
    Flapping,
    ImageUnknown,
    MonitoringOff,
    NetworkLate,
    OperationsOff,
    ServiceSilent,
    StopsStuck,
    VolumesStuck,
)
from providers.simulated.records import Io
from reconciler.simulation.scenario import Scenario, load_scenario, shipped_scenarios
from tests.support.simulated_account import (
    OTHER_SUBNET,
    OTHER_ZONE,
    OTHER_ZONE_NAME,
    ZONE,
    ZONE_NAME,
    SimulatedAccount,
)

APRIL = "us-east-1-2011-04-21"
OCTOBER = "us-east-1-2025-10-20"
HOUR = timedelta(hours=1)
VOLUMES = 400
BEGINS = HOUR
ROLES: Mapping[str, str] = {"A": ZONE, "B": OTHER_ZONE, "D": "use1-az4"}

KINDS = {
    APRIL: {VolumesStuck, OperationsOff, RegionSaturated, Brownout, LaunchDies, CapacityShort},
    OCTOBER: {
        InstancesSick,
        CapacityShort,
        Throttled,
        RegionSaturated,
        NetworkLate,
        Flapping,
    },
    "zone-power-loss": {ZoneDisrupted, InstancesSick, VolumesSick, StopsStuck, CapacityShort},
    "zone-partition": {ZonePartitioned},
    "monitoring-blackout": {MonitoringOff, InstancesSick},
    "api-brown-out": {Brownout, InstancesSick},
    "flapping-zone": {Flapping},
    "bad-deploy": {ServiceSilent},
    "mistyped-image": {ImageUnknown, InstancesSick},
}


def test_these_ship() -> None:
    assert set(shipped_scenarios()) == set(KINDS)


@pytest.mark.parametrize("name", shipped_scenarios())
def test_it_is_what_its_name_says_with_sources_and_phases_in_order(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.sources
    assert {type(fault) for fault in scenario.faults} == KINDS[name]
    ends = [phase.until for phase in scenario.phases]
    begins = [phase.since for phase in scenario.phases]
    assert begins[0] == timedelta()
    assert begins[1:] == ends[:-1], "a gap, or an overlap"
    assert ends[-1] <= scenario.lasts
    assert bool(scenario.declared_changes) is name.startswith(("bad", "mistyped"))


# April 2011.


def april(volumes: int = 0, *, seed: int = 3) -> SimulatedAccount:
    """An account in which the storm begins after an hour; that many volumes are in its zone, half of them roots."""
    account = SimulatedAccount(seed=seed)
    for _ in range(volumes // 100):
        account.ec2.run_instances(**account.launch_parameters(MinCount=50, MaxCount=50))
        account.wait(minutes=2)
    for fault in load_scenario(APRIL).cast(roles=ROLES, begins=BEGINS, seed=seed).faults:
        account.cloud.add_fault(fault)
    return account


def at(account: SimulatedAccount, hours: float) -> None:
    account.clock.advance(account.clock.beginning + BEGINS + timedelta(hours=hours))


def stuck(account: SimulatedAccount) -> set[str]:
    return {volume.id for volume in account.truth.volumes.values() if volume.io is Io.STALLED}


TOLD = {
    -0.1: 0.0,
    0.1: 6.5,
    0.25: 13.0,
    4.0: 13.0,
    7.7: 13.0,
    11.0: 13.0,
    25.0: 13.0,
    30.5: 7.6,
    35.75: 2.2,
    65.5: 2.0,
    83.75: 1.04,
}
"""Hours, and percent of the zone's volumes."""


def test_the_share_that_is_stuck_follows_what_was_published() -> None:
    account = april(VOLUMES)
    seen = {}
    for hours in TOLD:
        at(account, hours)
        seen[hours] = 100 * len(stuck(account)) / VOLUMES
    assert seen == {hours: pytest.approx(percent, abs=0.5) for hours, percent in TOLD.items()}
    at(account, 87)
    assert stuck(account) == set()
    failed = [item for item in account.truth.volumes.values() if item.io is Io.FAILED]
    assert len(failed) <= 1


def test_eighteen_percent_are_hit_in_all_and_each_of_them_once() -> None:
    account = april(VOLUMES)
    hit: set[str] = set()
    back: set[str] = set()
    for hours in range(87):
        at(account, hours)
        now = stuck(account)
        assert not now & back, "what came back stays back"
        back |= hit - now
        hit |= now
    assert len(hit) / VOLUMES == pytest.approx(0.18, abs=0.006)


def test_seven_of_ten_thousand_are_lost() -> None:
    lost = 0
    for seed in range(10):
        account = april(VOLUMES, seed=seed)
        at(account, 87)
        lost += sum(item.io is Io.FAILED for item in account.truth.volumes.values())
    # 2.8 of 4,000 are expected; each world draws whether it has one.
    assert 1 <= lost <= 6


def created(account: SimulatedAccount, zone_name: str) -> str:
    return account.code(account.ec2.create_volume, AvailabilityZone=zone_name, Size=8)


def test_no_volume_is_made_in_the_zone_until_its_end() -> None:
    account = april()
    for hours in (0.2, 1.8):
        at(account, hours)
        assert created(account, ZONE_NAME) in ("ReadTimeoutError", "Unavailable")
    for hours in (2.5, 8, 40, 65):
        at(account, hours)
        assert created(account, ZONE_NAME) == "Unavailable"
        assert account.truth.volumes == {}
    at(account, 65.5)
    assert created(account, ZONE_NAME) == "ok"


def test_after_the_cut_no_call_of_ebs_works_in_the_zone_and_elsewhere_all_do() -> None:
    account = SimulatedAccount()
    here, there = account.launched(), account.launched(SubnetId=OTHER_SUBNET)
    for fault in load_scenario(APRIL).cast(roles=ROLES, begins=BEGINS).faults:
        account.cloud.add_fault(fault)
    at(account, 12)
    for instance_id, said in ((here, "Unavailable"), (there, "ok")):
        volume_id = account.data_volume(instance_id).id
        assert account.code(account.ec2.create_snapshot, VolumeId=volume_id) == said
        assert account.code(account.ec2.detach_volume, VolumeId=volume_id) == said
    assert account.code(account.ec2.describe_volumes) == "ok"
    assert created(account, OTHER_ZONE_NAME) == "ok"


def refused_or_dead(account: SimulatedAccount, hours: float, subnet: str) -> float:
    """The share of 40 launches there, some hours into the storm, that come to nothing."""
    at(account, hours)
    came_to: list[str] = []
    for _ in range(40):
        try:
            came_to.append(account.asked(SubnetId=subnet))
        except Exception:  # noqa: BLE001 - whatever the refusal
            came_to.append("")
        account.wait(seconds=2)
    account.wait(minutes=3)
    running = [key for key in came_to if key and account.instance(key).state == "running"]
    return 1 - len(running) / 40


def test_launches_fail_in_every_zone_for_eleven_hours_and_in_the_sick_one_for_longer() -> None:
    account = april()
    for hours in (1.0, 6.0):
        for subnet in ("subnet-az1", "subnet-az2", "subnet-az4"):
            assert refused_or_dead(account, hours, subnet) > 0.7
            hours += 0.2  # noqa: PLW2901 - one after the other
    at(account, 11.3)
    assert refused_or_dead(account, 11.3, "subnet-az2") == 0
    assert refused_or_dead(account, 11.5, "subnet-az4") == 0
    assert refused_or_dead(account, 11.7, "subnet-az1") == 1
    assert refused_or_dead(account, 66, "subnet-az1") == 0


def failing(account: SimulatedAccount, hours: float) -> float:
    """The share of reads that fail."""
    at(account, hours)
    said = [account.code(account.ec2.describe_instances, MaxResults=5) for _ in range(60)]
    return sum(item != "ok" for item in said) / len(said)


def test_calls_fail_region_wide_in_two_waves() -> None:
    account = april()
    waves = {hours: failing(account, hours) for hours in (1, 3, 6, 9, 12)}
    assert waves[1] > 0.2
    assert waves[6] > 0.2
    assert (waves[3], waves[9], waves[12]) == (0, 0, 0)


# The others.


def cast(name: str, account: SimulatedAccount, begins: timedelta = BEGINS) -> Scenario:
    scenario = load_scenario(name).cast(roles=ROLES, begins=begins)
    for fault in scenario.faults:
        account.cloud.add_fault(fault)
    return scenario


def test_in_october_2025_launches_are_refused_everywhere_and_then_are_without_network() -> None:
    account = SimulatedAccount()
    cast(OCTOBER, account)
    assert refused_or_dead(account, 4, "subnet-az2") > 0.85
    at(account, 6)
    ids: list[str] = []
    while len(ids) < 20:
        if account.code(account.asked, SubnetId=OTHER_SUBNET) == "ok":
            ids = list(account.truth.instances)
        account.wait(seconds=30)
    account.wait(minutes=2)
    offline = [key for key in ids if account.instance(key).guest == "offline"]
    assert len(offline) >= 14
    at(account, 10.9)
    assert all(
        account.instance(key).guest == "well" for key in ids if key in account.truth.instances
    )


def test_what_serves_in_october_2025_goes_on_serving_but_for_ordinary_failures() -> None:
    account = SimulatedAccount()
    account.ec2.run_instances(**account.launch_parameters(MinCount=100, MaxCount=100))
    account.wait(minutes=2)
    cast(OCTOBER, account)
    for hours in (1, 5, 8, 12):
        at(account, hours)
        guests = [str(item.guest) for item in account.truth.instances.values()]
        assert guests.count("dead") == pytest.approx(2, abs=3)
        assert set(guests) <= {"well", "dead", "misjudged"}


def test_the_images_of_the_deploys_are_what_they_prove() -> None:
    bad, mistyped = load_scenario("bad-deploy"), load_scenario("mistyped-image")
    account = SimulatedAccount()
    cast("bad-deploy", account)
    cast("mistyped-image", account)
    at(account, 0.5)
    (change,) = mistyped.declared_changes
    assert account.code(account.asked, ImageId=change.image) == "InvalidAMIID.NotFound"
    (change,) = bad.declared_changes
    assert account.code(account.asked, ImageId=change.image) == "ok"
