"""The statements of the IAM policy about copies of snapshots in other regions (`copyTo`)."""

from __future__ import annotations

from providers.ec2.installation import Installation, Statement, actions, is_ours, snapshots
from providers.ec2.observing import OWNER_TAG
from providers.ec2.operations import OPERATIONS, Reach


def copy_statements(to: Installation) -> list[Statement]:
    """Read what is there, copy ours, under our tag and to there alone, and delete what is ours."""
    return [
        _read_copies(to),
        _copy_ours(to),
        _make_tagged_copies(to),
        _tag_copies_when_made(to),
        _delete_our_copies(to),
    ]


def _read_copies(to: Installation) -> Statement:
    """In each region that holds copies."""
    return {
        "Sid": "ReadCopies",
        "Effect": "Allow",
        "Action": [OPERATIONS["describe_snapshots"].action],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestedRegion": list(to.copy_regions)}},
    }


def _copy_ours(to: Installation) -> Statement:
    """CopySnapshot asks for the source too (AWS storage blog, resource-level permissions for copying snapshots)."""
    return {
        "Sid": "CopyOurs",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.COPYING),
        "Resource": [snapshots(to, to.region)],
        "Condition": is_ours(to),
    }


def _make_tagged_copies(to: Installation) -> Statement:
    return {
        "Sid": "MakeOnlyCopiesTaggedAsOurs",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.COPYING),
        "Resource": _copies(to),
        "Condition": {"StringEquals": {f"aws:RequestTag/{OWNER_TAG}": to.owner}},
    }


def _tag_copies_when_made(to: Installation) -> Statement:
    copying = sorted(item.name for item in OPERATIONS.values() if item.reach is Reach.COPYING)
    return {
        "Sid": "TagCopiesBeingMade",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.TAGGING),
        "Resource": _copies(to),
        "Condition": {
            "StringEquals": {
                "ec2:CreateAction": copying,
                f"aws:RequestTag/{OWNER_TAG}": to.owner,
            }
        },
    }


def _delete_our_copies(to: Installation) -> Statement:
    return {
        "Sid": "DeleteOurCopies",
        "Effect": "Allow",
        "Action": actions("ec2", Reach.EXPIRING),
        "Resource": _copies(to),
        "Condition": is_ours(to),
    }


def _copies(to: Installation) -> list[str]:
    return [snapshots(to, region) for region in to.copy_regions]
