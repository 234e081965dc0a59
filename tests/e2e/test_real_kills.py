"""`reconciler run` is killed with kill -9 at random moments while instances end behind its back and replies get lost.

After every death: the journal opens and is whole, nothing that was in it is gone or has gone back, every call that
reached the cloud has its intent, and no slot has two live occupants. In the end everything is as it was, every database
on the volume that it began with, and nothing more is sent. The seed is in the test's name; moments within a pass
depend on the machine, so that a seed gives the same story and not the same instant.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest

from providers.requests import (
    AttachVolume,
    DetachVolume,
    LaunchInstance,
    Request,
    SetTags,
    StopInstance,
    TerminateInstance,
)
from reconciler.demo import sabotage
from reconciler.demo.proof import Expected, differences
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import MOVES, IntentState
from reconciler.store.journal import HistoryEntry
from reconciler.store.store import Store
from tests.e2e.declarations import DATABASE, QUICK, WEB
from tests.e2e.terminal import Terminal
from tests.support.fault_proxy import DropReply, Parameters, Rule

KILLS = 25
"""By each of the two seeds, which run side by side."""

OFTEN = "repair: {ladder: [replace], maxReplacementsPerSlot: {1h: 500}}"
POLICY = f"""
apiVersion: reconciler/v1
kind: SafetyPolicy
metadata: {{name: impatient}}
spec: {{consistencyWindow: 2s, conditions: none, {QUICK}}}
"""
"""Without conditions: what this test does by hand would be respected for ten minutes."""

OPERATIONS: Mapping[type[Request], str] = {
    LaunchInstance: "RunInstances",
    TerminateInstance: "TerminateInstances",
    StopInstance: "StopInstances",
    AttachVolume: "AttachVolume",
    DetachVolume: "DetachVolume",
    SetTags: "CreateTags",
}
SENDINGS = {"RunInstances": 3}
"""How often one entry of the journal may be sent: a call with a token is its own look-up, others go out once."""


def operation_of(request: Request) -> tuple[str, str]:
    """What a request is on the wire: the operation, and the token or id that it names first."""
    named = {
        LaunchInstance: "client_token",
        AttachVolume: "volume_id",
        DetachVolume: "volume_id",
        SetTags: "resource_id",
    }.get(type(request), "instance_id")
    return OPERATIONS[type(request)], getattr(request, named)


def call_of(form: Parameters) -> tuple[str, str] | None:
    """The same of what reached the proxy; None for a look."""
    for name in ("ClientToken", "VolumeId", "ResourceId.1", "InstanceId.1"):
        if form.get("Action") in OPERATIONS.values() and name in form:
            return form["Action"], form[name]
    return None


@dataclass(slots=True)
class Journal:
    """What each look at the store's file found, held against what was found before."""

    terminal: Terminal
    known: dict[str, IntentState] = field(default_factory=dict)

    def entries(self) -> tuple[HistoryEntry, ...]:
        """Everything that is written of intents, newest first, read as `history` reads it."""
        with Store.open(self.terminal.folder / "store.sqlite", read_only=True) as store:
            found = [store.cell(identity).history(None, 100_000) for identity in store.cells()]
        return tuple(entry for entries in found for entry in entries)

    def faults(self) -> list[str]:
        """What is lost, went back, is not whole, or was sent without being written down."""
        path = self.terminal.folder / "store.sqlite"
        with closing(sqlite3.connect(path)) as connection:
            (whole,) = connection.execute("PRAGMA integrity_check").fetchone()
        entries = self.entries()
        return [
            *([] if whole == "ok" else [f"the journal is not whole: {whole}"]),
            *self._lost(entries),
            *_sent_without_intent(self.terminal, entries),
        ]

    def _lost(self, entries: tuple[HistoryEntry, ...]) -> list[str]:
        now: dict[str, IntentState] = {}
        for entry in reversed(entries):
            if entry.event in set(IntentState):
                now[entry.action.operation_id] = IntentState(entry.event)
        before, self.known = self.known, now
        return [
            f"intent {key} was {state} and is {now.get(key, 'lost')}"
            for key, state in before.items()
            if key not in now or not _leads_to(state, now[key])
        ]


def _leads_to(first: IntentState, then: IntentState) -> bool:
    return first is then or any(_leads_to(step, then) for step in MOVES[first])


def _sent_without_intent(terminal: Terminal, entries: tuple[HistoryEntry, ...]) -> list[str]:
    written = Counter(
        operation_of(entry.action.request)
        for entry in entries
        if entry.event in (IntentState.BEGUN, "resent") and type(entry.action.request) in OPERATIONS
    )
    sent = Counter(call for form in list(terminal.proxy.sent) if (call := call_of(form)))
    unknown = set(terminal.proxy.mutating_calls) - {*OPERATIONS.values(), "ModifyInstanceAttribute"}
    return [
        *(f"nobody knows {operation}" for operation in unknown),
        *(
            f"{call} was sent {count} times and written down {written[call]} times"
            for call, count in sent.items()
            if count > written[call] * SENDINGS.get(call[0], 1)
        ),
    ]


def crowded(ec2: Any) -> list[str]:
    """Slots with two live occupants, or with more live instances than an occupant and its replacement."""
    wrong = []
    for slot, instances in sabotage.live_instances(ec2).items():
        roles = Counter(sabotage.tags_of(item).get(Tag.ROLE) for item in instances)
        if roles[Role.OCCUPANT] > 1 or len(instances) > 2:
            wrong.append(f"{slot} holds {dict(roles)}")
    return wrong


def break_something(terminal: Terminal, ec2: Any, chance: random.Random) -> None:
    """Somebody ends a random instance, web or database; now and then the next reply of an operation gets lost."""
    live = sabotage.live_instances(ec2)
    alone = sorted(slot for slot, instances in live.items() if len(instances) == 1)
    if alone and chance.random() < 0.8:
        sabotage.terminate(ec2, chance.choice(alone))
    terminal.proxy.heal()
    if chance.random() < 0.4:
        operation = chance.choice(["RunInstances", "AttachVolume", "CreateTags"])
        terminal.proxy.add(Rule(operation, DropReply(), nth=1))


def run_and_kill(terminal: Terminal, chance: random.Random) -> None:
    """One life: it begins to look; some time later, or a blink after its next call, it is killed."""
    process = terminal.started()
    try:
        first_look(terminal)
        if chance.random() < 0.5:
            time.sleep(chance.uniform(0.0, 0.8))
        else:
            calls = sum(terminal.proxy.mutating_calls.values())
            wait_for(lambda: sum(terminal.proxy.mutating_calls.values()) > calls, at_most_s=0.8)
            time.sleep(chance.uniform(0.0, 0.03))
        assert process.poll() is None, f"it ended by itself:\n{terminal.log()}"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def first_look(terminal: Terminal) -> None:
    """Wait until the process that was just started looks at the cloud."""
    looks = terminal.proxy.calls["DescribeInstances"]
    seen = wait_for(lambda: terminal.proxy.calls["DescribeInstances"] > looks, at_most_s=60)
    assert seen, terminal.log()


def wait_for(happened: Callable[[], bool], *, at_most_s: float) -> bool:
    """Whether it happened in that time; looked at every millisecond."""
    deadline = time.monotonic() + at_most_s
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_or_doubled_however_often_the_controller_is_killed(
    terminal: Terminal, seed: int
) -> None:
    chance, ec2, journal = random.Random(seed), terminal.ec2, Journal(terminal)
    terminal.declare("policy", POLICY)
    for name, document in (("web", WEB), ("db", DATABASE)):
        terminal.declare(name, document.replace("repair: {ladder: [replace]}", OFTEN))
    assert terminal.command("apply", "--yes", "--wait").code == 0
    live = sabotage.live_instances(ec2)
    held = {slot: sabotage.data_volumes(live[slot][0]) for slot in ("db/0", "db/1")}
    for kill in range(KILLS):
        break_something(terminal, ec2, chance)
        run_and_kill(terminal, chance)
        assert journal.faults() + crowded(ec2) == [], f"after kill {kill + 1} of seed {seed}"
    terminal.proxy.heal()
    assert terminal.command("apply", "--yes", "--wait").code == 0
    assert journal.faults() + crowded(ec2) + differences(ec2, as_in_the_beginning(held)) == []
    print(told(seed, journal))  # noqa: T201 - what the run was made of, for whoever asks with -s
    terminal.proxy.forget_calls()
    with terminal.running():
        wait_for(lambda: terminal.proxy.calls["DescribeInstances"] > 2, at_most_s=30)
    assert terminal.proxy.calls["DescribeInstances"] > 2
    assert terminal.proxy.mutating_calls == {}


def as_in_the_beginning(held: Mapping[str, Mapping[str, str]]) -> list[Expected]:
    """Every slot once, each database on the volumes that it began with."""
    web = [Expected(slot=f"web/{n}", tags={"team": "web"}, volumes={}) for n in range(3)]
    return [*web, *(Expected(slot=k, tags={"team": "data"}, volumes=v) for k, v in held.items())]


def told(seed: int, journal: Journal) -> str:
    """What the run was made of."""
    states = dict(sorted(Counter(str(state) for state in journal.known.values()).items()))
    calls = dict(sorted(journal.terminal.proxy.mutating_calls.items()))
    return f"seed {seed}: {KILLS} kills; calls {calls}; intents {states}"
