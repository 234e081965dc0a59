"""What EC2 says about copies of snapshots in another region."""

from __future__ import annotations

from typing import Any

from tests.contract.simulated.accounts import (
    NO_SNAPSHOT,
    Account,
    Cases,
    error_code,
    tag_items,
    tags_of,
)

CASES = Cases()


def _copied(account: Account, source: str, **changed: Any) -> str:
    tags = [{"ResourceType": "snapshot", "Tags": tag_items({"op": "1"})}]
    parameters = {"SourceRegion": account.region, "SourceSnapshotId": source} | changed
    reply = account.elsewhere.copy_snapshot(TagSpecifications=tags, **parameters)
    return str(reply["SnapshotId"])


def _shown(account: Account, copy_id: str) -> Any:
    return account.elsewhere.describe_snapshots(SnapshotIds=[copy_id])["Snapshots"][0]


@CASES.case(moto="completes a copy at once")
def a_copy_is_pending_first(account: Account) -> Any:
    return _shown(account, _copied(account, account.snapshot(account.volume())))["State"]


def _member(account: Account, name: str) -> Any:
    source = account.snapshot(account.volume(Encrypted=True))
    copy_id = _copied(account, source, Description="nightly")
    account.settle()
    found = _shown(account, copy_id)
    return tags_of(found) if name == "Tags" else found.get(name)


CASES.each(
    "a completed copy shows",
    _member,
    "State",
    "Progress",
    "VolumeSize",
    "Encrypted",
    "Description",
    "OwnerId",
    "Tags",
)


@CASES.case(moto="gives a copy the volume of its source")
def a_copy_names_no_volume_of_ours(account: Account) -> bool:
    volume_id = account.volume()
    copy_id = _copied(account, account.snapshot(volume_id))
    account.settle()
    return bool(_shown(account, copy_id)["VolumeId"] == volume_id)


@CASES.case()
def a_copy_is_in_its_region_alone(account: Account) -> tuple[str, str]:
    source = account.snapshot(account.volume())
    copy_id = _copied(account, source)
    account.settle()
    return (
        error_code(lambda: account.ec2.describe_snapshots(SnapshotIds=[copy_id])),
        error_code(lambda: account.elsewhere.describe_snapshots(SnapshotIds=[source])),
    )


def _by(account: Account, value: str) -> int:
    _copied(account, account.snapshot(account.volume()))
    account.settle()
    asked = [{"Name": "tag:op", "Values": [value]}]
    found = account.elsewhere.describe_snapshots(OwnerIds=["self"], Filters=asked)
    return len(found["Snapshots"])


CASES.each("copies by tag", _by, "1", "2")


@CASES.case()
def an_unknown_snapshot_is_not_copied(account: Account) -> str:
    return error_code(lambda: _copied(account, NO_SNAPSHOT))


@CASES.case(moto="copies a snapshot of any state, since none is ever pending")
def a_pending_snapshot_is_not_copied(account: Account) -> str:
    source = account.ec2.create_snapshot(VolumeId=account.volume())["SnapshotId"]
    return error_code(lambda: _copied(account, source))


@CASES.case()
def a_copy_is_deleted_where_it_is(account: Account) -> tuple[str, str]:
    copy_id = _copied(account, account.snapshot(account.volume()))
    account.settle()
    here = error_code(lambda: account.ec2.delete_snapshot(SnapshotId=copy_id))
    account.elsewhere.delete_snapshot(SnapshotId=copy_id)
    return here, error_code(lambda: _shown(account, copy_id))


@CASES.case(moto="has no limit of copies")
def more_than_twenty_copies_at_a_time_are_too_many(account: Account) -> list[str]:
    source = account.snapshot(account.volume())
    codes = [error_code(lambda: _copied(account, source)) for _ in range(21)]
    return sorted(set(codes))
