"""What an IAM policy is for, and what its statements have in common: actions by reach, ARNs, the condition of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from providers.ec2.observing import OWNER_TAG
from providers.ec2.operations import OPERATIONS, Operation, Reach

Statement = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What the policy is for. `roles` are those of the fleets' instance profiles, which launches pass on; `buckets`
    those that archives are in; `copy_regions` those of `copyTo`.
    """

    account: str = "ACCOUNT"
    region: str = "REGION"
    owner: str = "OWNER"
    roles: Sequence[str] = ("INSTANCE_ROLE",)
    buckets: Sequence[str] = ("ARCHIVE_BUCKET",)
    copy_regions: Sequence[str] = ("COPY_REGION",)
    partition: str = "aws"


def actions(service: str, reach: Reach) -> list[str]:
    """The IAM actions of the operations of that reach."""

    def belongs(operation: Operation) -> bool:
        return operation.reach is reach and operation.action.startswith(f"{service}:")

    return sorted(operation.action for operation in OPERATIONS.values() if belongs(operation))


def arns(to: Installation, resource_types: Iterable[str]) -> list[str]:
    """All resources of those types, in the installation's account and region."""
    return [
        f"arn:{to.partition}:ec2:{to.region}:{to.account}:{resource_type}/*"
        for resource_type in resource_types
    ]


def snapshots(to: Installation, region: str) -> str:
    """All of a region; EC2's ARNs of snapshots have no account (service authorization reference for EC2)."""
    return f"arn:{to.partition}:ec2:{region}::snapshot/*"


def is_ours(to: Installation) -> Mapping[str, Any]:
    """The condition that a resource carries our owner tag."""
    return {"StringEquals": {f"aws:ResourceTag/{OWNER_TAG}": to.owner}}
