"""Whatever is asked of it and whatever befalls it, the simulated account is one that EC2 could have."""

from __future__ import annotations

import random  # noqa: TID251 - the source is seeded
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from providers.simulated.changes import Change
from providers.simulated.faults import (
    AttachStuck,
    Brownout,
    ByHand,
    Copy,
    DetachBusy,
    DetachStuck,
    InstancesSick,
    LaunchDies,
    Meddling,
    RequestDelayed,
    RequestRepeated,
    VolumesSick,
    When,
    ZoneDisrupted,
)
from providers.simulated.layout import Layout
from providers.simulated.records import Instance, Volume
from providers.simulated.world import Truth
from tests.support.simulated_account import DATA, OTHER_SUBNET, SUBNET, SimulatedAccount

MOVES = {
    "pending": {"running", "shutting-down", "terminated"},
    "running": {"stopping", "shutting-down"},
    "stopping": {"stopped", "shutting-down"},
    "stopped": {"pending", "shutting-down"},
    "shutting-down": {"terminated"},
    "terminated": set(),
}
"""Where an instance goes from each state (EC2 user guide, instance lifecycle)."""

SOME = When(share=0.3)
FAULTS = (
    AttachStuck(when=When(share=0.3, until=timedelta(hours=2))),
    DetachBusy(when=SOME),
    DetachStuck(when=When(share=0.2, until=timedelta(hours=2))),
    LaunchDies(when=SOME),
    RequestDelayed(when=When(share=0.1)),
    RequestRepeated(when=When(share=0.2), copy=Copy.AFTER_THE_ANSWER, delay=timedelta(minutes=1)),
    Brownout(when=When(share=0.3, until=timedelta(hours=1)), slower=1.0),
    VolumesSick(when=When(share=0.3, since=timedelta(hours=1), until=timedelta(hours=2))),
    InstancesSick(
        when=When(share=0.3, since=timedelta(hours=1), until=timedelta(hours=2)), guest="hung"
    ),
    ZoneDisrupted(
        when=When(
            since=timedelta(hours=1), until=timedelta(hours=1.5), zones=frozenset({"use1-az2"})
        )
    ),
    *(ByHand(what=what, every=timedelta(minutes=7), when=SOME) for what in Meddling),
)


def possible(truth: Truth) -> None:
    """Raises AssertionError when the account is one that can't be."""
    for volume in truth.volumes.values():
        attachment = volume.attachment
        if attachment is None:
            assert volume.state in ("creating", "available", "deleting", "error")
            continue
        assert volume.state in ("creating", "in-use", "error")
        holder = truth.instances.get(attachment.instance_id)
        if holder is None or holder.state == "terminated":
            assert (
                attachment.state == "detaching"
            )  # Stuck there for longer than the instance is listed.
            continue
        assert holder.zone == volume.zone
        assert attachment in holder.attachments
    for instance in truth.instances.values():
        devices = Counter(item.device for item in instance.attachments)
        assert not devices or max(devices.values()) == 1
        for item in instance.attachments:
            assert truth.volumes[item.volume_id].attachment == item
        assert (instance.running_since is None) or instance.state in (
            "running",
            "stopping",
            "shutting-down",
        )


def lawful(news: Sequence[Change]) -> None:
    """Raises AssertionError for a step that no instance and no volume takes."""
    for change in news:
        match change.before, change.after:
            case Instance() as before, Instance() as after if before.state != after.state:
                assert after.state in MOVES[before.state], str(change)
            case Volume() as before, Volume() as after:
                assert before.zone == after.zone
                assert before.data.lineage == after.data.lineage
                if before.attachment and after.attachment:
                    assert before.attachment.instance_id == after.attachment.instance_id
            case _:
                pass


def a_call(account: SimulatedAccount, chance: random.Random) -> Callable[[], object]:
    """Any call about anything that is there."""
    ec2, truth = account.ec2, account.truth
    instance = chance.choice(list(truth.instances) or ["i-0123456789abcdef0"])
    volume = chance.choice(list(truth.volumes) or ["vol-0123456789abcdef0"])
    device = chance.choice([DATA, "/dev/sdg"])
    calls: list[Callable[[], object]] = [
        lambda: account.asked(
            SubnetId=chance.choice([SUBNET, OTHER_SUBNET]),
            ClientToken=str(chance.randrange(20)),
        ),
        lambda: ec2.terminate_instances(InstanceIds=[instance]),
        lambda: ec2.stop_instances(InstanceIds=[instance], SkipOsShutdown=chance.random() < 0.5),
        lambda: ec2.start_instances(InstanceIds=[instance]),
        lambda: ec2.reboot_instances(InstanceIds=[instance]),
        lambda: ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device=device),
        lambda: ec2.detach_volume(VolumeId=volume, Force=chance.random() < 0.3),
        lambda: ec2.create_volume(AvailabilityZone="us-east-1a", Size=8),
        lambda: ec2.delete_volume(VolumeId=volume),
        lambda: ec2.create_snapshot(VolumeId=volume),
        lambda: ec2.modify_instance_attribute(
            InstanceId=instance,
            BlockDeviceMappings=[{"DeviceName": DATA, "Ebs": {"DeleteOnTermination": True}}],
        ),
    ]
    return chance.choice(calls)


@pytest.mark.parametrize("seed", range(25))
def test_no_call_and_no_fault_makes_an_account_that_can_not_be(seed: int) -> None:
    chance = random.Random(seed)
    account = SimulatedAccount(*chance.sample(FAULTS, 6), seed=seed)
    account.cloud.world.on_change.append(lambda _: possible(account.truth))
    account.cloud.world.on_change.append(lawful)
    for _ in range(300):
        account.code(a_call(account, chance))
        account.wait(seconds=chance.choice([0.0, 1.0, 10.0, 60.0]))
    account.cloud.heal()
    account.wait(hours=1)
    assert len(account.truth.changes) > 100


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ({"instance_limit": 1}, "InstanceLimitExceeded"),
        ({"volume_limit": 3}, "VolumeLimitExceeded"),
    ],
)
def test_an_account_has_its_limits(limit: dict[str, Any], code: str) -> None:
    account = SimulatedAccount(layout=Layout(**limit))
    account.launched()
    assert account.code(account.asked) == code


def test_an_instance_takes_so_many_volumes() -> None:
    account = SimulatedAccount(layout=Layout(attachment_limit=2))
    instance_id, volume_id = account.launched(), account.volume()
    said = account.code(
        account.ec2.attach_volume, VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdg"
    )
    assert said == "AttachmentLimitExceeded"
