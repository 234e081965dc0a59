"""The demo over EC2's wire is told to its end, and fails when a command does or the cloud is not as it must be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from mypy_boto3_ec2 import EC2Client

from desired_state.load import load
from desired_state.model import Backup
from reconciler.demo import wire_story
from reconciler.demo.embedded import EmbeddedCloud, embedded_cloud
from reconciler.demo.proof import Expected, differences


@pytest.fixture(scope="module")
def cloud() -> Iterator[EmbeddedCloud]:
    with embedded_cloud() as running:
        yield running


@pytest.fixture
def ec2(cloud: EmbeddedCloud) -> EC2Client:
    return boto3.client(
        "ec2",
        endpoint_url=cloud.endpoint,
        region_name=cloud.region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def launched(ec2: EC2Client, cloud: EmbeddedCloud, slot: str) -> str:
    """An instance whose tags name that slot."""
    fleet, _, ordinal = slot.partition("/")
    tags = {"fleet-reconciler:fleet": fleet, "fleet-reconciler:slot": ordinal, "team": "web"}
    reply = ec2.run_instances(
        ImageId=cloud.image,
        InstanceType="m5.large",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    )
    return reply["Instances"][0]["InstanceId"]


def test_the_story_over_the_wire_is_told_to_its_end() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "demo", "--cloud", "moto"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "$ reconciler apply --yes --wait" in done.stdout
    assert "No changes. 8 slots of 2 fleets stand as declared." in done.stdout
    assert "Seen with plain boto3: 5 web servers and 3 databases run" in done.stdout


def with_an_unfinished_document(folder: Path) -> None:
    (folder / "fleets").mkdir()
    (folder / "fleets" / "unfinished.yaml").write_text("apiVersion: reconciler/v1\nkind: Flee\n")


def test_a_command_that_fails_ends_the_story_with_exit_code_1(
    cloud: EmbeddedCloud, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with_an_unfinished_document(tmp_path)

    assert wire_story.play(tmp_path, cloud, os.environ) == 1

    said = capfd.readouterr().out
    assert "The demo did not end as it should:\n  - `reconciler validate` exited 1" in said
    assert "$ reconciler apply" not in said


def test_backups_are_rare_lest_a_snapshot_falls_due_where_the_story_says_that_nothing_is_to_do(
    cloud: EmbeddedCloud, tmp_path: Path
) -> None:
    with_an_unfinished_document(tmp_path)
    wire_story.play(tmp_path, cloud, os.environ)

    (databases,) = load([tmp_path / "fleets" / "postgres"]).fleets
    backup = databases.claims[0].backup
    assert isinstance(backup, Backup)
    assert backup.snapshots is not None
    assert backup.snapshots.every == timedelta(hours=12)


def test_the_proof_names_what_nobody_declared_what_is_missing_and_what_differs(
    cloud: EmbeddedCloud, ec2: EC2Client
) -> None:
    for slot in ("web/0", "web/0", "web/1", "web/7"):
        launched(ec2, cloud, slot)
    wanted = [
        Expected(slot="web/0", tags={}, volumes={}),
        Expected(slot="web/1", tags={"team": "data"}, volumes={"/dev/sdf": "vol-1"}),
        Expected(slot="web/2", tags={}, volumes={}),
    ]
    assert differences(ec2, wanted) == [
        "web/0: 2 live instances instead of one",
        "web/1: holds {} instead of {'/dev/sdf': 'vol-1'}",
        "web/1: tag team is 'web' instead of 'data'",
        "web/2: 0 live instances instead of one",
        "web/7: 1 instances nobody declared",
    ]
