"""S2, S11 and S12: what must be on disk before a call, and what its token may stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from providers.simulated.changes import Change
from providers.simulated.records import Instance
from tests.simulation.oracles.ledger import JournalIntent, Ledger, SentCall
from tests.simulation.oracles.oracle import Oracle
from tests.simulation.oracles.tags import OPERATION

ONWARD = {
    "begun": {"accepted", "observed", "rejected", "dead", "lost", "abandoned"},
    "accepted": {"observed", "dead", "lost"},
    "abandoned": {"observed", "dead", "lost"},
    "observed": set(),
    "rejected": set(),
    "dead": set(),
    "lost": set(),
}
"""The declared graph of an intent's states, as design section 8 has it."""

FORGOTTEN_WHEN_DONE = frozenset(
    {"snapshot", "snapshots", "delete-snapshot", "copy-snapshot", "delete-copy"}
)
"""Kinds of which a journal would fill up with hundreds a day."""

PASSED_THROUGH = {"accepted", "abandoned"}

KINDS = {
    "RunInstances": "launch",
    "TerminateInstances": "terminate",
    "StopInstances": "stop",
    "StartInstances": "start",
    "RebootInstances": "reboot",
    "AttachVolume": "attach",
    "DetachVolume": "detach",
    "CreateTags": "tag",
    "ModifyVolume": "modify-volume",
    "ModifyInstanceMetadataOptions": "metadata-options",
    "CreateSnapshot": "snapshot",
    "CreateSnapshots": "snapshots",
    "DeleteSnapshot": "delete-snapshot",
    "DeleteVolume": "delete-volume",
    "CopySnapshot": "copy-snapshot",
}


class IntentBeforeEffect(Oracle):
    """S2, and S11 as far as one controller reaches: each mutating call has an intent on disk, begun and without an
    answer, for this very request, under the epoch of the lease; and states only move along the declared graph.
    """

    rule = "S2"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._seen: dict[str, JournalIntent] = {}

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        intents = self.ledger.intents()
        yield from self._moves(intents)
        meant = [item for item in intents.values() if _is_for(item, call)]
        begun = [item for item in meant if item.state == "begun"]
        if not begun:
            states = sorted({item.state for item in meant}) or ["none"]
            yield f"{call.operation} {_named(call)} was sent; its intents on disk are: {', '.join(states)}"
        elif begun[-1].epoch != self.ledger.epoch():
            yield f"{call.operation} was sent under epoch {begun[-1].epoch}, which is over"

    def at_the_end(self) -> Iterable[str]:
        return self._moves(self.ledger.intents())

    def forget(self) -> None:
        """The store was lost: what comes is another journal."""
        self._seen = {}

    def _moves(self, intents: dict[str, JournalIntent]) -> Iterable[str]:
        for key, before in self._seen.items():
            if key in intents:
                if intents[key].state not in _reachable(before.state):
                    yield f"intent {key[:12]} went from {before.state} to {intents[key].state}"
            elif before.kind not in FORGOTTEN_WHEN_DONE:
                yield f"intent {key[:12]} vanished from the journal"
        self._seen = intents


class TokenDiscipline(Oracle):
    """S12. One client token makes one instance at most, ever, and is the instance's operation tag."""

    rule = "S12"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._made: dict[str, str] = {}

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation != "RunInstances":
            return
        token = call.parameters.get("ClientToken", "")
        if len(token) != 64:
            yield f"a launch has the token {token!r}, which is no operation id"
        tags = str(call.parameters.get("TagSpecifications"))
        if token not in tags:
            yield f"a launch with token {token[:12]} is not tagged with it"

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        for change in changes:
            made = change.after
            if change.before is None and isinstance(made, Instance) and made.client_token:
                earlier = self._made.setdefault(made.client_token, made.id)
                if earlier != made.id:
                    yield f"one token made {earlier} and {made.id}"


def _reachable(state: str) -> set[str]:
    """What a state may have become since it was looked at last."""
    onward = ONWARD[state]
    further = [ONWARD[item] for item in onward & PASSED_THROUGH]
    return {state}.union(onward, *further)


def _is_for(intent: JournalIntent, call: SentCall) -> bool:
    request = intent.request
    if call.operation == "RunInstances":
        return intent.operation_id == call.parameters.get("ClientToken")
    if call.operation == "ModifyInstanceAttribute":
        kinds: set[str] = {"security-groups", "keep-volume"}
    elif call.operation == "DeleteSnapshot":
        kinds = {"delete-snapshot", "delete-copy"}
    else:
        kinds = {KINDS.get(call.operation, "")}
    names = ("instance_id", "volume_id", "resource_id", "snapshot_id")
    ids = {request.get(name) for name in names}
    found_by_tag = call.operation.startswith(("CreateSnapshot", "CopySnapshot"))
    if found_by_tag and _operation(call) != intent.operation_id:
        return False
    return intent.kind in kinds and set(_named(call)) <= ids and _same_tags(call, request)


def _operation(call: SentCall) -> str | None:
    """The tag by which what it makes is found again."""
    specified = call.parameters.get("TagSpecifications", ())
    tags = {tag["Key"]: tag["Value"] for item in specified for tag in item["Tags"]}
    return tags.get(OPERATION)


def _same_tags(call: SentCall, request: Any) -> bool:
    if call.operation != "CreateTags":
        return True
    set_to: Mapping[str, str] = request["tags"]
    return {tag["Key"]: tag["Value"] for tag in call.parameters["Tags"]} == set_to


def _named(call: SentCall) -> tuple[str, ...]:
    names = ("InstanceId", "VolumeId", "SnapshotId", "SourceSnapshotId")
    found = [call.parameters.get(name) for name in names]
    found.append(call.parameters.get("InstanceSpecification", {}).get("InstanceId"))
    found += [*call.parameters.get("InstanceIds", ()), *call.parameters.get("Resources", ())]
    return tuple(sorted(item for item in found if item))
