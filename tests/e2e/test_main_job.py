"""The main job through the real command line, over EC2's real wire, counted between the two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.demo import sabotage
from reconciler.demo.proof import Expected, differences
from tests.e2e.declarations import DATABASE, WEB
from tests.e2e.terminal import Terminal, eventually
from tests.support.edited_replies import failing_check
from tests.support.fault_proxy import EditReply, Rule

LONG_AGO = "2020-01-01T00:00:00.000Z"


def expected(databases: Mapping[str, Mapping[str, str]], *, web: int = 3) -> list[Expected]:
    """Every slot once, each database on the volume that it began with."""
    return [
        *(Expected(slot=f"web/{n}", tags={"team": "web"}, volumes={}) for n in range(web)),
        *(
            Expected(slot=slot, tags={"team": "data"}, volumes=held)
            for slot, held in databases.items()
        ),
    ]


def volumes_by_slot(ec2: Any, *slots: str) -> dict[str, dict[str, str]]:
    live = sabotage.live_instances(ec2)
    return {slot: sabotage.data_volumes(live[slot][0]) for slot in slots}


def bring_up(terminal: Terminal) -> dict[str, dict[str, str]]:
    terminal.declare("web", WEB)
    terminal.declare("db", DATABASE)
    applied = terminal.command("apply", "--yes", "--wait")
    assert applied.code == 0, applied.err
    return volumes_by_slot(terminal.ec2, "db/0", "db/1")


def test_a_plan_changes_nothing_and_says_what_would_be_done(terminal: Terminal) -> None:
    terminal.declare("web", WEB)
    planned = terminal.command("plan")
    assert planned.code == 2, planned.err
    assert "web/0" in planned.out
    assert terminal.proxy.mutating_calls == {}
    assert sabotage.live_instances(terminal.ec2) == {}
    assert not (terminal.folder / "store.sqlite").exists()


def test_the_main_job_from_declaration_to_a_healed_fleet(terminal: Terminal) -> None:
    databases = bring_up(terminal)
    assert differences(terminal.ec2, expected(databases)) == []

    terminal.proxy.forget_calls()
    assert terminal.command("plan").code == 0
    assert terminal.proxy.mutating_calls == {}

    sabotage.terminate(terminal.ec2, "web/1")
    sabotage.terminate(terminal.ec2, "db/0")
    planned = terminal.command("plan")
    assert planned.code == 2
    assert "web/1" in planned.out
    assert "db/0" in planned.out

    with terminal.running():
        eventually(
            lambda: differences(terminal.ec2, expected(databases)),
            within_s=60,
            log=terminal.log,
        )

    settled = terminal.command("apply", "--yes", "--wait")
    assert settled.code == 0, settled.err
    terminal.proxy.forget_calls()
    assert terminal.command("plan").code == 0
    with terminal.running():
        eventually(
            lambda: [] if terminal.proxy.calls["DescribeInstances"] >= 4 else ["too few passes"],
            within_s=60,
            log=terminal.log,
        )
    assert terminal.proxy.mutating_calls == {}


def test_instances_that_ec2_calls_impaired_are_replaced_and_data_moves_along(
    terminal: Terminal,
) -> None:
    databases = bring_up(terminal)
    live = sabotage.live_instances(terminal.ec2)
    web, database = live["web/0"][0]["InstanceId"], live["db/1"][0]["InstanceId"]
    terminal.proxy.add(
        Rule(
            "DescribeInstanceStatus",
            EditReply(failing_check("systemStatus", {web}, since=LONG_AGO)),
        ),
    )
    with terminal.running():
        eventually(lambda: _still_there(terminal, web, "web/0"), within_s=60, log=terminal.log)
    terminal.proxy.heal()
    terminal.proxy.add(
        Rule(
            "DescribeInstanceStatus",
            EditReply(failing_check("instanceStatus", {database}, since=LONG_AGO)),
        ),
    )
    terminal.proxy.forget_calls()
    with terminal.running():
        eventually(
            lambda: (
                _still_there(terminal, database, "db/1")
                or differences(terminal.ec2, expected(databases))
            ),
            within_s=60,
            log=terminal.log,
        )
    calls = terminal.proxy.mutating_calls
    assert calls["RunInstances"] == 1
    assert calls["StopInstances"] == 1
    assert calls["DetachVolume"] == 1
    assert calls["AttachVolume"] == 1
    assert calls["TerminateInstances"] == 1


def _still_there(terminal: Terminal, instance_id: str, slot: str) -> list[str]:
    instances = sabotage.live_instances(terminal.ec2).get(slot, [])
    ids = [item["InstanceId"] for item in instances]
    return [f"{slot} is {ids}"] if len(ids) != 1 or instance_id in ids else []
