"""What people order by hand, through the real command line and over EC2's real wire."""

from __future__ import annotations

import json
from typing import Any

from reconciler.demo import sabotage
from tests.e2e.declarations import QUICK_POLICY, WEB
from tests.e2e.terminal import Terminal
from tests.e2e.test_restoring import (
    SLOT,
    bring_up,
    question_about,
    shown,
    snapshots_of,
    sticks,
    tags_of,
    the_instance,
    the_volume,
)


def orders_in(terminal: Terminal) -> list[dict[str, Any]]:
    """The orders in force, as `status` tells them."""
    status = json.loads(terminal.command("status", "-o", "json").out)
    return list(status["cells"][0]["orders"])


def test_a_healthy_instance_is_replaced_when_a_person_orders_it_and_once(
    terminal: Terminal,
) -> None:
    terminal.declare("policy", QUICK_POLICY)
    terminal.declare("web", WEB)
    assert terminal.command("apply", "--yes", "--wait").code == 0
    before = {slot: items[0] for slot, items in sabotage.live_instances(terminal.ec2).items()}
    terminal.proxy.forget_calls()

    unasked = terminal.command("replace", "web/1", "--reason", "its host is slow")
    assert unasked.code == 1
    assert "launch" in unasked.out
    assert "nothing was ordered; use --yes" in unasked.err
    assert orders_in(terminal) == []

    ordered = terminal.command("replace", "web/1", "--reason", "its host is slow", "--yes")
    assert ordered.code == 0, ordered.err
    assert "web/1 to be replaced, ordered by" in ordered.err
    assert terminal.proxy.mutating_calls == {}
    assert "its host is slow" in terminal.command("explain", "web/1").out
    assert [item["reason"] for item in orders_in(terminal)] == ["its host is slow"]

    applied = terminal.command("apply", "--yes", "--wait")
    assert applied.code == 0, applied.out + applied.err
    after = {slot: items[0] for slot, items in sabotage.live_instances(terminal.ec2).items()}
    changed = {slot for slot in after if after[slot]["InstanceId"] != before[slot]["InstanceId"]}
    assert changed == {"web/1"}
    assert terminal.command("plan").code == 0
    assert "ordered it: its host is slow" in terminal.command("history", "web/1").out


def test_a_healthy_database_is_restored_from_what_a_person_chose_and_an_order_can_be_withdrawn(
    terminal: Terminal,
) -> None:
    before = bring_up(terminal)
    volume = the_volume(before)
    (chosen,) = snapshots_of(terminal, volume)
    stranger = terminal.command("restore", SLOT, "--from", "snap-0fffffffffffffff0", "--yes")
    assert stranger.code == 1
    assert f"no restore point of {SLOT}; there is {chosen}" in stranger.err

    words = ("restore", SLOT, "--from", chosen, "--reason", "a table was dropped", "--yes")
    assert terminal.command(*words).code == 0
    assert terminal.command("restore", SLOT, "--withdraw").code == 0
    assert terminal.command("plan").code == 0

    ordered = terminal.command(*words)
    assert ordered.code == 0, ordered.err
    assert "of writes" in " ".join(ordered.out.split())
    applied = terminal.command("apply", "--yes", "--wait")
    assert applied.code == 0, applied.out + applied.err
    after = the_instance(terminal)
    assert after["InstanceId"] != before["InstanceId"]
    assert shown(terminal, the_volume(after))["SnapshotId"] == chosen
    assert "fleet-reconciler:quarantine-until" in tags_of(shown(terminal, volume))
    assert terminal.command("plan").code == 0


def test_where_no_backup_is_left_an_empty_volume_stands_in_on_a_word_for_just_that(
    terminal: Terminal,
) -> None:
    before = bring_up(terminal)
    stuck = the_volume(before)
    for snapshot in snapshots_of(terminal, stuck):
        terminal.ec2.delete_snapshot(SnapshotId=snapshot)
    sticks(terminal, stuck)
    question = question_about(terminal)
    plain = terminal.command("approve", question)
    assert plain.code == 1
    assert "--empty" in plain.err
    many = terminal.command("approve", "--fleet", "db", "--max-loss", "26h")
    assert many.code == 1
    assert f"not approved {question}" in many.err

    word = terminal.command("approve", question, "--empty", "--for", "2h")
    assert word.code == 0, word.err
    assert "with empty volumes" in word.err
    applied = terminal.command("apply", "--yes", "--wait")
    assert applied.code == 0, applied.out + applied.err
    new = shown(terminal, the_volume(the_instance(terminal)))
    assert not new.get("SnapshotId")
    old = shown(terminal, stuck)
    assert "fleet-reconciler:quarantine-until" in tags_of(old)
    assert old["Attachments"][0]["InstanceId"] == before["InstanceId"]
