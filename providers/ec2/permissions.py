"""The IAM policy of the controller, generated from the table of operations: what the adapter can call, and no more.

python -m providers.ec2.permissions [--account A --region R --owner O --role ROLE --bucket BUCKET --copy-region R]

Without arguments the values to fill in stand as ACCOUNT, REGION, OWNER, INSTANCE_ROLE, ARCHIVE_BUCKET and COPY_REGION,
as in deploy/iam/policy.json. What is about COPY_REGION grants nothing where no claim has `copyTo`.
Nothing that lacks our owner tag can be changed, and the owner tag itself can be neither changed nor removed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from providers.ec2.copy_permissions import copy_statements
from providers.ec2.installation import (
    Installation,
    Statement,
    actions,
    arns,
    is_ours,
    snapshots,
)
from providers.ec2.observing import OWNER_TAG
from providers.ec2.operations import OPERATIONS, Reach

LAUNCH_USES = (
    "image",
    "key-pair",
    "network-interface",
    "placement-group",
    "security-group",
    "snapshot",
    "subnet",
)
"""What RunInstances touches besides what it makes (service authorization reference, RunInstances)."""

DOCUMENTS = ("/metadata.json", "/backup.info", "/backup.info.copy")
"""What is read of archives: of WAL-G's, of Barman's and pgBackRest's."""

TAGGED_BY_REQUEST = (Reach.LAUNCHING, Reach.SNAPSHOTTING, Reach.COPYING, Reach.TAGGING)

QUARANTINE_TAG = "fleet-reconciler:quarantine-until"

OURS = ("instance", "volume")
"""The resource types that carry our owner tag; snapshots do too, and their ARNs name no account."""


def policy(installation: Installation) -> dict[str, Any]:
    """The policy document, in IAM's JSON form."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            _read(installation),
            _know_the_account(),
            _read_image_parameters(installation),
            _read_metrics(installation),
            _list_archives(installation),
            _read_archives(installation),
            _launch_tagged(installation),
            _launch_with(installation),
            _tag_when_made(installation),
            _tag_ours(installation),
            _change_ours(installation),
            _snapshot_ours(installation),
            _make_tagged_snapshots(installation),
            _delete_our_snapshots(installation),
            _delete_what_was_kept(installation),
            *copy_statements(installation),
            _put_into_security_groups(installation),
            _pass_roles(installation),
            _encrypt_volumes(installation),
            _never_another_owner(installation),
            _never_untag(),
        ],
    }


def _read(to: Installation) -> Statement:
    """EC2 knows no resource level for its lists."""
    return {
        "Sid": "ReadTheRegion",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.READING),
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestedRegion": to.region}},
    }


def _know_the_account() -> Statement:
    return {
        "Sid": "KnowTheAccount",
        "Effect": "Allow",
        "Action": actions("sts", Reach.READING),
        "Resource": "*",
    }


def _read_image_parameters(to: Installation) -> Statement:
    """Our own parameters, and those in which AWS publishes its images."""
    arn = f"arn:{to.partition}:ssm:{to.region}"
    return {
        "Sid": "ReadImageParameters",
        "Effect": "Allow",
        "Action": actions("ssm", Reach.READING),
        "Resource": [f"{arn}:{to.account}:parameter/*", f"{arn}::parameter/aws/service/*"],
    }


def _read_metrics(to: Installation) -> Statement:
    """CloudWatch knows no resource level for its metrics."""
    return {
        "Sid": "ReadVolumeMetrics",
        "Effect": "Allow",
        "Action": actions("cloudwatch", Reach.READING),
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestedRegion": to.region}},
    }


def _list_archives(to: Installation) -> Statement:
    return {
        "Sid": "ListArchives",
        "Effect": "Allow",
        "Action": [OPERATIONS["list_objects_v2"].action],
        "Resource": [f"arn:{to.partition}:s3:::{bucket}" for bucket in to.buckets],
    }


def _read_archives(to: Installation) -> Statement:
    """Small documents alone are read: what a base backup is, never what is in it."""
    return {
        "Sid": "ReadWhatArchivesSayOfThemselves",
        "Effect": "Allow",
        "Action": [OPERATIONS["get_object"].action],
        "Resource": [
            f"arn:{to.partition}:s3:::{bucket}/*{name}"
            for bucket in to.buckets
            for name in DOCUMENTS
        ],
    }


def _launch_tagged(to: Installation) -> Statement:
    return {
        "Sid": "LaunchOnlyWhatIsTaggedAsOurs",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.LAUNCHING),
        "Resource": arns(to, OURS),
        "Condition": {"StringEquals": {f"aws:RequestTag/{OWNER_TAG}": to.owner}},
    }


def _launch_with(to: Installation) -> Statement:
    """Public images and AWS's snapshots belong to no account or another one."""
    return {
        "Sid": "LaunchWith",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.LAUNCHING),
        "Resource": [
            f"arn:{to.partition}:ec2:{to.region}:*:{resource_type}/*"
            for resource_type in LAUNCH_USES
        ],
    }


def _tag_when_made(to: Installation) -> Statement:
    making = (Reach.LAUNCHING, Reach.SNAPSHOTTING)
    creating = sorted(
        operation.name for operation in OPERATIONS.values() if operation.reach in making
    )
    return {
        "Sid": "TagWhatIsBeingMade",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.TAGGING),
        "Resource": [*arns(to, OURS), snapshots(to, to.region)],
        "Condition": {
            "StringEquals": {
                "ec2:CreateAction": creating,
                f"aws:RequestTag/{OWNER_TAG}": to.owner,
            }
        },
    }


def _tag_ours(to: Installation) -> Statement:
    return {
        "Sid": "TagOurs",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.TAGGING),
        "Resource": arns(to, OURS),
        "Condition": is_ours(to),
    }


def _change_ours(to: Installation) -> Statement:
    return {
        "Sid": "ChangeOurs",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.CHANGING),
        "Resource": arns(to, OURS),
        "Condition": is_ours(to),
    }


def _snapshot_ours(to: Installation) -> Statement:
    return {
        "Sid": "SnapshotOurs",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.SNAPSHOTTING),
        "Resource": arns(to, OURS),
        "Condition": is_ours(to),
    }


def _make_tagged_snapshots(to: Installation) -> Statement:
    return {
        "Sid": "MakeOnlySnapshotsTaggedAsOurs",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.SNAPSHOTTING),
        "Resource": [snapshots(to, to.region)],
        "Condition": {"StringEquals": {f"aws:RequestTag/{OWNER_TAG}": to.owner}},
    }


def _delete_our_snapshots(to: Installation) -> Statement:
    return {
        "Sid": "DeleteOurSnapshots",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.EXPIRING),
        "Resource": [snapshots(to, to.region)],
        "Condition": is_ours(to),
    }


def _delete_what_was_kept(to: Installation) -> Statement:
    """Volumes alone, and none that was never dated: what is in service has no date (planning.courses.leaving)."""
    dated = {"Null": {f"aws:ResourceTag/{QUARANTINE_TAG}": "false"}}
    return {
        "Sid": "DeleteOurVolumesFromQuarantine",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.RECLAIMING),
        "Resource": arns(to, ("volume",)),
        "Condition": {**is_ours(to), **dated},
    }


def _put_into_security_groups(to: Installation) -> Statement:
    """ModifyInstanceAttribute asks for the groups as well as for the instance, and those are not ours."""
    return {
        "Sid": "PutOursIntoSecurityGroups",
        "Effect": "Allow",
        "Action": [OPERATIONS["modify_instance_attribute"].action],
        "Resource": arns(to, ("security-group",)),
    }


def _pass_roles(to: Installation) -> Statement:
    """Not a call of ours: EC2 asks for it when a launch names an instance profile."""
    return {
        "Sid": "PassTheRolesOfTheFleets",
        "Effect": "Allow",
        "Action": ["iam:PassRole"],
        "Resource": [f"arn:{to.partition}:iam::{to.account}:role/{role}" for role in to.roles],
        "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
    }


def _encrypt_volumes(to: Installation) -> Statement:
    """Not calls of ours: EC2 makes them for us when volumes, or copies elsewhere, have a customer managed key (EBS user
    guide). A copy is made in its region, with keys of both.
    """
    regions = (to.region, *to.copy_regions)
    return {
        "Sid": "EncryptVolumesThroughEc2",
        "Effect": "Allow",
        "Action": [
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ],
        "Resource": [f"arn:{to.partition}:kms:{name}:{to.account}:key/*" for name in regions],
        "Condition": {
            "StringEquals": {"kms:ViaService": [f"ec2.{name}.amazonaws.com" for name in regions]}
        },
    }


def _never_another_owner(to: Installation) -> Statement:
    """The second condition keeps requests that leave the owner tag alone."""
    return {
        "Sid": "NeverWriteAnotherOwner",
        "Effect": "Deny",
        "Action": sorted(
            operation.action
            for operation in OPERATIONS.values()
            if operation.reach in TAGGED_BY_REQUEST
        ),
        "Resource": "*",
        "Condition": {
            "StringNotEquals": {f"aws:RequestTag/{OWNER_TAG}": to.owner},
            "Null": {f"aws:RequestTag/{OWNER_TAG}": "false"},
        },
    }


def _never_untag() -> Statement:
    """Also against wider policies beside this one: without its owner tag a resource is nobody's."""
    return {
        "Sid": "NeverRemoveTags",
        "Effect": "Deny",
        "Action": ["ec2:DeleteTags"],
        "Resource": "*",
    }


def policy_text(installation: Installation) -> str:
    """As it is committed: indented, ending with a newline."""
    return json.dumps(policy(installation), indent=2) + "\n"


def main(arguments: Sequence[str]) -> None:
    """Print the policy."""
    parser = argparse.ArgumentParser(description="Print the IAM policy that the controller needs.")
    values = Installation()
    parser.add_argument("--account", default=values.account, help="account number")
    parser.add_argument("--region", default=values.region)
    parser.add_argument("--owner", default=values.owner, help="the installation's unique name")
    parser.add_argument(
        "--role", action="append", dest="roles", help="role of an instance profile; may be repeated"
    )
    parser.add_argument(
        "--bucket", action="append", dest="buckets", help="bucket of archives; may be repeated"
    )
    parser.add_argument("--copy-region", action="append", dest="copy_regions", help="of `copyTo`")
    parser.add_argument("--partition", default=values.partition, help="aws or aws-us-gov")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value}
    sys.stdout.write(policy_text(Installation(**given)))


if __name__ == "__main__":
    main(sys.argv[1:])
