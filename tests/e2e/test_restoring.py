"""A database whose volume sticks, through the real command line and over EC2's real wire: asked, restored, kept."""

from __future__ import annotations

import re
from typing import Any

from reconciler.demo import sabotage
from reconciler.demo.embedded_volume_status import STALLED
from tests.e2e.declarations import DATABASE, QUICK
from tests.e2e.terminal import Terminal, eventually

SLOT = "db/0"
GUARDED = (
    DATABASE.replace("replicas: 2", "replicas: 1")
    .replace("mode: auto", "mode: approve")
    .replace(
        "securityGroups: [{group}]",
        "securityGroups: [{group}]\n    stagingSecurityGroups: [{staging}]",
    )
    .replace("repair: {ladder: [replace]}", "repair: {ladder: [replace], cutoverAfter: 1s}")
    .replace("backup: none", "backup: {snapshots: {every: 1h, keep: {all: 7d}}, maxLoss: 3h}")
)
AT_ONCE = f"""
apiVersion: reconciler/v1
kind: SafetyPolicy
metadata: {{name: at-once}}
spec: {{deadlines: {{create: 1s}}, {QUICK}}}
"""
"""What is launched with its volumes has to show them within a second here, and within minutes elsewhere."""
QUARANTINE = "fleet-reconciler:quarantine-until"
APPROVAL = re.compile(r"reconciler approve (\S+)")


def bring_up(terminal: Terminal) -> dict[str, Any]:
    """The database in service; its instance."""
    terminal.declare("policy", AT_ONCE)
    terminal.declare("db", GUARDED.replace("{staging}", terminal.cloud.staging_security_group))
    assert terminal.command("plan").code == 2
    assert terminal.command("approve", "--fleet", "db").code == 0
    applied = terminal.command("apply", "--yes", "--wait")
    assert applied.code == 0, applied.out + applied.err
    return the_instance(terminal)


def the_instance(terminal: Terminal) -> dict[str, Any]:
    """What runs in the slot."""
    found = sabotage.live_instances(terminal.ec2)[SLOT]
    (running,) = [item for item in found if item["State"]["Name"] == "running"]
    return dict(running)


def the_volume(instance: dict[str, Any]) -> str:
    (volume_id,) = sabotage.data_volumes(instance).values()  # type: ignore[arg-type]
    return volume_id


def sticks(terminal: Terminal, volume_id: str) -> None:
    terminal.ec2.create_tags(Resources=[volume_id], Tags=[{"Key": STALLED, "Value": "yes"}])


def shown(terminal: Terminal, volume_id: str) -> dict[str, Any]:
    (volume,) = terminal.ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"]
    return dict(volume)


def tags_of(resource: dict[str, Any]) -> dict[str, str]:
    return {item["Key"]: item["Value"] for item in resource["Tags"]}


def snapshots_of(terminal: Terminal, volume_id: str) -> list[str]:
    """Oldest first."""
    filters = [{"Name": "volume-id", "Values": [volume_id]}]
    found = terminal.ec2.describe_snapshots(Filters=filters)["Snapshots"]
    return [item["SnapshotId"] for item in sorted(found, key=lambda item: item["StartTime"])]


def question_about(terminal: Terminal) -> str:
    """The id under which `run` asks a person, as `plan` shows it; nothing was changed until now."""
    terminal.proxy.forget_calls()
    with terminal.running():
        eventually(
            lambda: [] if '"withheld": 1' in terminal.log() else ["nobody is asked"],
            within_s=60,
            log=terminal.log,
        )
    planned = terminal.command("plan")
    assert planned.code == 2, planned.err
    refused = terminal.command("apply", "--yes")
    assert refused.code == 2
    assert terminal.proxy.mutating_calls == {}
    (identifier,) = APPROVAL.findall(planned.out)
    return str(identifier)


def test_a_stuck_volume_is_restored_on_a_word_and_what_stuck_is_kept_in_quarantine(
    terminal: Terminal,
) -> None:
    before = bring_up(terminal)
    stuck = the_volume(before)
    (snapshot,) = snapshots_of(terminal, stuck)
    sticks(terminal, stuck)
    question = question_about(terminal)

    word = terminal.command("approve", question)
    assert word.code == 0, word.err
    assert "for a loss of" in word.err
    restored = terminal.command("apply", "--yes", "--wait")
    assert restored.code == 0, restored.out + restored.err
    assert f"restored from {snapshot}" in " ".join(restored.out.split())

    after = the_instance(terminal)
    assert after["InstanceId"] != before["InstanceId"]
    assert [item["GroupId"] for item in after["SecurityGroups"]] == [terminal.cloud.security_group]
    copy = shown(terminal, the_volume(after))
    assert copy["SnapshotId"] == snapshot
    assert tags_of(copy)["fleet-reconciler:claim"] == "data"

    (original,) = terminal.ec2.describe_instances(InstanceIds=[before["InstanceId"]])[
        "Reservations"
    ][0]["Instances"]
    assert original["State"]["Name"] == "stopped"
    kept = shown(terminal, stuck)
    assert kept["Attachments"][0]["InstanceId"] == before["InstanceId"]
    for resource in (original, kept):
        assert QUARANTINE in tags_of(resource)

    assert terminal.command("plan").code == 0
    backups = terminal.command("backups")
    assert backups.code == 0, backups.out
    assert snapshot in backups.out
    terminal.proxy.forget_calls()
    assert terminal.command("apply", "--yes").code == 0
    assert terminal.proxy.mutating_calls == {}


def test_without_a_restore_point_a_person_may_let_empty_volumes_stand_in(
    terminal: Terminal,
) -> None:
    before = bring_up(terminal)
    stuck = the_volume(before)
    for snapshot in snapshots_of(terminal, stuck):
        terminal.ec2.delete_snapshot(SnapshotId=snapshot)
    sticks(terminal, stuck)
    question = question_about(terminal)

    assert terminal.command("approve", question).code == 1, "there is nothing to restore from"
    word = terminal.command("approve", question, "--empty")
    assert word.code == 0, word.err
    applied = terminal.command("apply", "--yes", "--wait")
    assert applied.code == 0, applied.out + applied.err

    after = the_instance(terminal)
    assert after["InstanceId"] != before["InstanceId"]
    assert "SnapshotId" not in shown(terminal, the_volume(after)), "it begins empty"
    assert QUARANTINE in tags_of(shown(terminal, stuck))
