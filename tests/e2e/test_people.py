"""What people ask and say, through the real command line: approve, explain, status, history, pause, a yes and a no."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys

import pytest

from reconciler.demo import sabotage
from tests.e2e.declarations import QUICK_POLICY, WEB
from tests.e2e.terminal import Terminal

APPROVED_FLEET = WEB.replace("  tier: 2\n", "  tier: 2\n  mode: approve\n")
APPROVAL = re.compile(r"reconciler approve ((?:\S+ ?)+)$", re.MULTILINE)


def answered(terminal: Terminal, answer: str) -> tuple[int, str]:
    """`reconciler apply` on a pseudo-terminal: its exit code and all it printed after that answer."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply"],
        env={**terminal.environment, "TERM": "xterm"},
        cwd=terminal.folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while b"[y/N]" not in shown:
            assert select.select([ours], [], [], 60)[0], shown.decode()
            shown += os.read(ours, 4096)
        os.write(ours, answer.encode())
        while chunk := _read(ours):
            shown += chunk
        return process.wait(timeout=60), shown.decode()
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read(terminal: int) -> bytes:
    """Linux answers EIO, and not an end of file, once the other side is closed."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_what_waits_for_a_person_is_approved_asked_about_and_done(terminal: Terminal) -> None:
    terminal.declare("web", APPROVED_FLEET)
    planned = terminal.command("plan")
    assert planned.code == 2
    assert "gate      mode-approve" in planned.out
    applied = terminal.command("apply", "--yes")
    assert applied.code == 2
    assert terminal.proxy.mutating_calls == {}
    explained = terminal.command("explain", "web/1")
    assert explained.code == 0, explained.err
    assert "mode-approve opens with approve it" in explained.out
    ids = " ".join(APPROVAL.findall(planned.out)).split()
    assert len(ids) == 3
    assert terminal.command("approve", ids[0] + "x").code == 1
    assert terminal.command("approve", ids[0]).code == 0
    assert terminal.command("approve", "--fleet", "web").code == 0
    done = terminal.command("apply", "--yes", "--wait")
    assert done.code == 0, done.err
    assert terminal.proxy.mutating_calls["RunInstances"] == 3
    status = json.loads(terminal.command("status", "-o", "json").out)
    assert {slot["bucket"] for slot in status["cells"][0]["slots"]} == {"healthy"}
    history = terminal.command("history", "web/1")
    assert "launch m5.large" in history.out
    assert "web/0" not in history.out


def test_a_pause_holds_back_what_is_due_until_it_is_ended(terminal: Terminal) -> None:
    terminal.declare("policy", QUICK_POLICY)
    terminal.declare("web", WEB)
    assert terminal.command("apply", "--yes", "--wait").code == 0
    sabotage.terminate(terminal.ec2, "web/1")
    assert terminal.command("pause", "web", "--reason", "ticket 4711").code == 0
    terminal.proxy.forget_calls()
    held = terminal.command("apply", "--yes", "--wait")
    assert held.code == 2
    assert "gate      paused" in held.out
    assert "ticket 4711" in held.out
    assert terminal.proxy.mutating_calls == {}
    assert terminal.command("resume", "web").code == 0
    assert terminal.command("apply", "--yes", "--wait").code == 0
    assert len(sabotage.live_instances(terminal.ec2)) == 3


def test_an_endpoint_that_a_person_accepts_is_used_from_then_on(terminal: Terminal) -> None:
    terminal.declare("web", WEB)
    assert terminal.command("apply", "--yes", "--wait").code == 0
    elsewhere = {"AWS_ENDPOINT_URL": terminal.cloud.endpoint}
    refused = terminal.command("plan", environment=elsewhere)
    assert refused.code == 1
    assert "`reconciler resume --endpoint`" in refused.err
    assert terminal.command("resume", "--endpoint", environment=elsewhere).code == 0
    assert terminal.command("plan", environment=elsewhere).code == 0


@pytest.mark.parametrize(("answer", "launches"), [("n\n", 0), ("y\n", 3)], ids=["no", "yes"])
def test_an_apply_asks_and_obeys(terminal: Terminal, answer: str, launches: int) -> None:
    terminal.declare("web", WEB)
    code, shown = answered(terminal, answer)
    assert "Do these 3 actions? [y/N]" in shown
    assert "\x1b[" in shown
    assert code == (0 if launches else 1)
    assert terminal.proxy.mutating_calls.get("RunInstances", 0) == launches


def test_without_a_terminal_an_apply_shows_the_plan_and_refuses_to_guess(
    terminal: Terminal,
) -> None:
    terminal.declare("web", WEB)
    ended = terminal.command("apply")
    assert ended.code == 1
    assert "launch 3 of m5.large" in ended.out
    assert "nothing was done; use --yes" in ended.err
    assert terminal.proxy.mutating_calls == {}
