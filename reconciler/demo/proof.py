"""Whether the demo's cloud is as the demo's own list says, seen with plain boto3 and without our planner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.demo.sabotage import data_volumes, live_instances, tags_of

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A slot as it must be at the end: one running instance with these tags and exactly these data volumes."""

    slot: str
    tags: Mapping[str, str]
    volumes: Mapping[str, str]
    """Device to volume id; empty for a stateless slot."""


def differences(ec2: EC2Client, expected: Iterable[Expected]) -> list[str]:
    """Everything that is not as the list says; empty when the cloud is converged."""
    wanted = {item.slot: item for item in expected}
    found = live_instances(ec2)
    faults = [
        f"{slot}: {len(found[slot])} instances nobody declared" for slot in found.keys() - wanted
    ]
    for slot, item in sorted(wanted.items()):
        instances = found.get(slot, [])
        if len(instances) != 1:
            faults.append(f"{slot}: {len(instances)} live instances instead of one")
            continue
        faults += [f"{slot}: {fault}" for fault in _faults(instances[0], item)]
    return sorted(faults)


def _faults(instance: InstanceTypeDef, expected: Expected) -> list[str]:
    faults = []
    if instance["State"]["Name"] != "running":
        faults.append(f"{instance['InstanceId']} is {instance['State']['Name']}")
    tags = tags_of(instance)
    faults += [
        f"tag {key} is {tags.get(key)!r} instead of {value!r}"
        for key, value in expected.tags.items()
        if tags.get(key) != value
    ]
    volumes = data_volumes(instance)
    if volumes != dict(expected.volumes):
        faults.append(f"holds {volumes} instead of {dict(expected.volumes)}")
    return faults
