"""Snapshots on a schedule and their thinning, through the real command line and over EC2's real wire."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tests.e2e.declarations import DATABASE
from tests.e2e.terminal import OWNER, Terminal, eventually
from tests.support.fault_proxy import AnswerError, Rule

BACKED_UP = DATABASE.replace("replicas: 2", "replicas: 1").replace(
    "backup: none",
    "backup: {snapshots: {every: 1h, keep: {monthly: 93d}}, maxLoss: 3h}",
)
"""Of a month only the first stays: what is taken within a minute of each other can be thinned at once."""


def bring_up(terminal: Terminal) -> None:
    terminal.declare("db", BACKED_UP)
    applied = terminal.command("apply", "--yes", "--wait")
    assert applied.code == 0, applied.err


def of_our_volume(terminal: Terminal) -> list[dict[str, Any]]:
    """Every snapshot of the database's volume, oldest first, as plain boto3 shows them."""
    filters = [
        {"Name": "tag:fleet-reconciler:owner", "Values": [OWNER]},
        {"Name": "tag:fleet-reconciler:claim", "Values": ["data"]},
    ]
    (volume,) = terminal.ec2.describe_volumes(Filters=filters)["Volumes"]
    shown = terminal.ec2.describe_snapshots(
        Filters=[{"Name": "volume-id", "Values": [volume["VolumeId"]]}]
    )
    return sorted(shown["Snapshots"], key=lambda item: item["StartTime"])


def tags_of(snapshot: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"].removeprefix("fleet-reconciler:"): tag["Value"] for tag in snapshot["Tags"]}


def copy_of(terminal: Terminal, snapshot: dict[str, Any]) -> str:
    """Another snapshot of the volume under the same tags, as an earlier pass would have left one."""
    made = terminal.ec2.create_snapshot(
        VolumeId=snapshot["VolumeId"],
        TagSpecifications=[{"ResourceType": "snapshot", "Tags": snapshot["Tags"]}],
    )
    return str(made["SnapshotId"])


def test_a_database_is_backed_up_as_it_comes_up_and_then_left_alone(terminal: Terminal) -> None:
    bring_up(terminal)
    (snapshot,) = of_our_volume(terminal)
    tags = tags_of(snapshot)
    assert len(tags.pop("operation")) == 64
    assert datetime.fromisoformat(tags.pop("due")).tzinfo is not None
    assert tags == {
        "team": "data",
        "owner": OWNER,
        "fleet": "db",
        "slot": "0",
        "incarnation": "1",
        "claim": "data",
    }
    backups = terminal.command("backups")
    assert backups.code == 0, backups.err
    assert snapshot["SnapshotId"] in backups.out
    terminal.proxy.forget_calls()
    planned = terminal.command("plan")
    assert planned.code == 0, planned.out
    terminal.proxy.forget_calls()
    with terminal.running():
        eventually(
            lambda: [] if terminal.proxy.calls["DescribeInstances"] >= 4 else ["too few passes"],
            within_s=60,
            log=terminal.log,
        )
    assert terminal.proxy.mutating_calls == {}
    assert terminal.proxy.calls["DescribeSnapshots"] == 1


def test_what_has_had_its_time_goes_and_the_newest_and_the_strangers_stay(
    terminal: Terminal,
) -> None:
    bring_up(terminal)
    (first,) = of_our_volume(terminal)
    theirs = terminal.ec2.create_snapshot(VolumeId=first["VolumeId"])["SnapshotId"]
    in_between = copy_of(terminal, first)
    assert terminal.command("plan").code == 0  # It is the newest one, and a second passes.
    newest = copy_of(terminal, first)

    planned = terminal.command("plan")
    assert planned.code == 2, planned.out
    assert f"delete {in_between}" in planned.out
    assert f"{newest} stays" in planned.out

    terminal.proxy.forget_calls()
    applied = terminal.command("apply", "--yes", "--wait")
    assert applied.code == 0, applied.err
    left = {item["SnapshotId"] for item in of_our_volume(terminal)}
    assert left == {first["SnapshotId"], theirs, newest}
    assert terminal.proxy.mutating_calls == {"DeleteSnapshot": 1}
    assert terminal.command("plan").code == 0
    history = terminal.command("history", "db/0")
    assert in_between in history.out


def test_a_list_that_fails_is_said_and_nothing_rests_on_it(terminal: Terminal) -> None:
    """Nor is a claim filled for the first time: what there was before may have backups that are not seen."""
    terminal.declare("db", BACKED_UP)
    refusal = Rule("DescribeSnapshots", AnswerError("UnauthorizedOperation", status=403))
    terminal.proxy.add(refusal)
    withheld = terminal.command("plan")
    assert withheld.code == 2
    unwrapped = " ".join(withheld.out.split())
    assert "may have been filled before: its snapshots were not read" in unwrapped
    terminal.proxy.heal()
    bring_up(terminal)
    taken = of_our_volume(terminal)
    terminal.proxy.add(refusal)
    planned = terminal.command("plan")
    assert "snapshots could not be read: UnauthorizedOperation" in planned.out
    assert planned.code == 0
    assert of_our_volume(terminal) == taken
    backups = terminal.command("backups", "-o", "json")
    assert backups.code == 2
    (claim,) = json.loads(backups.out)["cells"][0]["claims"]
    assert claim["protection"] == "unknown"
