"""A database that archives its log, through the real command line and over the wires of EC2 and S3."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3

from tests.e2e.declarations import DATABASE
from tests.e2e.terminal import Terminal
from tests.support.stored import WalG, segment

BUCKET = "backups"
ARCHIVED = DATABASE.replace("replicas: 2", "replicas: 1").replace(
    "backup: none",
    "backup: {archive: {tool: wal-g, url: 's3://backups/{fleet}/{slot}/{incarnation}'}, maxLoss: 1h}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Bucket:
    """A bucket behind the endpoint, written past everyone."""

    s3: Any

    def put(self, key: str, at: datetime, content: str | bytes = b"x") -> None:
        del at  # S3 itself dates what is put into it.
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)


def s3_of(terminal: Terminal) -> Any:
    session = boto3.session.Session(
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        region_name=terminal.cloud.region,
    )
    return session.client("s3", endpoint_url=terminal.cloud.endpoint)


def claim_of(terminal: Terminal) -> dict[str, Any]:
    """The one claim as `backups` tells it."""
    told = terminal.command("backups", "-o", "json")
    (cell,) = json.loads(told.out)["cells"]
    (claim,) = cell["claims"]
    return {**claim, "code": told.code}


def test_a_database_begins_when_its_archive_was_read_and_is_protected_by_it(
    terminal: Terminal,
) -> None:
    s3 = s3_of(terminal)
    terminal.declare("db", ARCHIVED)
    waiting = terminal.command("plan")
    assert (waiting.code, "NoSuchBucket" in waiting.out) == (2, True), waiting.out
    assert "its archive was not read" in " ".join(waiting.out.split())
    s3.create_bucket(Bucket=BUCKET)
    applied = terminal.command("apply", "--yes", "--wait")
    assert applied.code == 0, applied.err
    assert claim_of(terminal)["protection"] == "unprotected"
    archive = WalG(bucket=S3Bucket(s3=s3), path="db/0/1")
    archive.unfinished_base(f"base_{segment(2)}", 2)
    archive.segments(1, 5)
    broken = claim_of(terminal)
    assert broken["code"] == 2
    assert broken["archiveProblem"].endswith("none of its 1 base backups is finished")
    archive.base(2)
    protected = claim_of(terminal)
    assert (protected["code"], protected["protection"]) == (0, "good")
    assert protected["restorePoint"]["kind"] == "archive"
    assert protected["restorePoint"]["id"] == "s3://backups/db/0/1"
