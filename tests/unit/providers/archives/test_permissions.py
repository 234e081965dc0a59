"""What the IAM policy lets through to archives: their lists, and what bases say of themselves."""

from __future__ import annotations

import pytest

from providers.ec2.installation import Installation
from providers.ec2.permissions import policy
from tests.support.iam_policy import Asked, allowed

POLICY = policy(Installation(buckets=("backups",)))
BUCKET = "arn:aws:s3:::backups"


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("s3:ListBucket", BUCKET, True),
        ("s3:ListBucket", "arn:aws:s3:::another", False),
        ("s3:GetObject", f"{BUCKET}/db/0/1/basebackups_005/base_1/metadata.json", True),
        ("s3:GetObject", f"{BUCKET}/db/0/1/backup/main/backup.info", True),
        ("s3:GetObject", f"{BUCKET}/db/0/1/backup/main/backup.info.copy", True),
        ("s3:GetObject", f"{BUCKET}/db/0/1/wal_005/000000010000000000000001.lz4", False),
        ("s3:GetObject", f"{BUCKET}/db/0/1/main/base/20261122T030500/data.tar", False),
        ("s3:PutObject", f"{BUCKET}/db/0/1/backup/main/backup.info", False),
    ],
)
def test_of_archives_the_lists_and_what_bases_say_of_themselves_are_read(
    action: str, resource: str, *, expected: bool
) -> None:
    assert allowed(POLICY, Asked(action=action, resource=resource)) is expected
