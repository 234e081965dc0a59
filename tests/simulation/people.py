"""What a person does who looks after the controller. Only what the runbook says, and only for these gates.

cold                a look at two complete observations, then `reconciler resume --cold`
tags-removed        put our tags back as they were, as far as they are missing
unproven-absence    look the instance up; when it has ended, approve
mass-disappearance  likewise
conflict            a volume of ours that somebody put on another device or another instance: take it off there
conflict, restore   a volume that came off its instance before it was named: name it for the claim of its first device
retry-later         too many failed snapshots of a volume that others took, or that wear others' tags: delete them
fence               a detach that somebody began by hand while the volume was in use: stop and start the instance

Everything else has to end by itself once the faults are over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from providers.simulated.attachments import ANOTHER_DEVICE
from providers.simulated.changes import Cause, Change
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.faults import Meddling
from providers.simulated.records import Instance, Volume
from reconciler.planning.actions import Gate
from reconciler.planning.memory import Approval
from reconciler.planning.outcome import Plan
from tests.simulation.declaration import CLAIMS
from tests.simulation.oracles.tags import CLAIM, OWNER, slot_of
from tests.simulation.process import OWNER as US
from tests.simulation.process import Process

TOO_MANY_SNAPSHOTS = "ConcurrentSnapshotLimitExceeded"
LOOKS = 2
LOOKS_FOR = timedelta(minutes=5)
PUTS_BACK_AFTER = timedelta(minutes=20)
MAY_APPROVE = (Gate.UNPROVEN_ABSENCE, Gate.MASS_DISAPPEARANCE)
GRANTED_FOR = timedelta(hours=24)

Tell = Callable[[str, str], None]


class Person:
    """On call for one run. Hears of every change that others make by hand, as a colleague would."""

    def __init__(self, cloud: SimulatedCloud, tell: Tell) -> None:
        self._cloud = cloud
        self._tell = tell
        self._taken_off: dict[str, tuple[datetime, Mapping[str, str]]] = {}
        self._to_start: list[str] = []
        self._first_device: dict[str, str] = {}

    def hear(self, changes: Sequence[Change]) -> None:
        """A listener of the world."""
        for change in changes:
            before, after = change.before, change.after
            if isinstance(after, Volume) and after.attachment is not None:
                self._first_device.setdefault(after.id, after.attachment.device)
            if change.cause is not Cause.BY_HAND or not isinstance(before, (Instance, Volume)):
                continue
            there = isinstance(after, (Instance, Volume))
            if there and OWNER in before.tags and OWNER not in after.tags:
                self._taken_off[after.id] = (change.at, before.tags)

    def look_after(self, plan: Plan, process: Process) -> None:
        """After a pass."""
        now = self._cloud.clock.now()
        self._put_tags_back(now)
        if any(item.gate is Gate.COLD for item in plan.withheld):
            self._resume_when_cold(process, now)
        if any(item.gate is Gate.FENCE for item in plan.withheld):
            self._free_what_is_busy(now)
        if any(item.gate is Gate.CONFLICT for item in plan.withheld):
            self._take_off_what_is_misplaced(now)
        if any(item.gate in (Gate.CONFLICT, Gate.RESTORE) for item in plan.withheld):
            self._name_what_is_nameless()
        if any(TOO_MANY_SNAPSHOTS in item.reason for item in plan.withheld):
            self._delete_failed_snapshots()
        self._start_again()
        for item in plan.withheld:
            if item.approval_id is None or item.gate not in MAY_APPROVE:
                continue
            if not self._alive_after_all(str(item.slot)):
                self._approve(process, item.approval_id, item.gate, now)

    @property
    def owes(self) -> str | None:
        """What this person will still do whatever the plan says; until then nothing has come to rest."""
        if self._taken_off:
            return f"a person will put the tags of {', '.join(self._taken_off)} back"
        return f"a person will start {', '.join(self._to_start)}" if self._to_start else None

    def _resume_when_cold(self, process: Process, now: datetime) -> None:
        cold = process.words.memory(now).cold
        if cold is None or cold.released or cold.complete_observations < LOOKS:
            return
        if now - cold.since >= LOOKS_FOR:
            self._tell("HAND", "reconciler resume --cold")
            process.words.release_cold()

    def _put_tags_back(self, now: datetime) -> None:
        for identifier, (at, tags) in list(self._taken_off.items()):
            if now - at < PUTS_BACK_AFTER:
                continue
            del self._taken_off[identifier]
            current = self._cloud.world.tags_of(identifier)
            if current is not None and OWNER not in current:
                self._tell("HAND", f"puts the tags of {identifier} back")
                world, all_tags = self._cloud.world, {**tags, **current}
                world.effect(Cause.BY_HAND, partial(world.retag, identifier, all_tags))

    def _free_what_is_busy(self, now: datetime) -> None:
        for volume in list(self._cloud.truth.volumes.values()):
            held = volume.attachment
            if held is None or held.state != "busy" or now - held.since < PUTS_BACK_AFTER:
                continue
            if self._cloud.truth.instances[held.instance_id].state == "running":
                self._tell(
                    "HAND", f"stops {held.instance_id}, which does not let go of {volume.id}"
                )
                self._cloud.by_hand(Meddling.STOP, held.instance_id)
                self._to_start.append(held.instance_id)

    def _take_off_what_is_misplaced(self, now: datetime) -> None:
        for volume in list(self._cloud.truth.volumes.values()):
            held = volume.attachment
            misplaced = held is not None and held.device == ANOTHER_DEVICE
            if held is None or not misplaced or now - held.since < PUTS_BACK_AFTER:
                continue
            if held.state == "attached" and volume.tags.get(OWNER) == US:
                self._tell("HAND", f"takes {volume.id} off {held.instance_id}")
                self._cloud.by_hand(Meddling.DETACH, volume.id)

    def _name_what_is_nameless(self) -> None:
        for volume in list(self._cloud.truth.volumes.values()):
            claim = CLAIMS.get(self._first_device.get(volume.id, ""))
            ours = volume.tags.get(OWNER) == US and CLAIM not in volume.tags
            if ours and claim is not None and volume.attachment is None:
                self._tell("HAND", f"names {volume.id} for claim {claim}")
                world, tags = self._cloud.world, {**volume.tags, CLAIM: claim}
                world.effect(Cause.BY_HAND, partial(world.retag, volume.id, tags))

    def _delete_failed_snapshots(self) -> None:
        """They count as pending ones do, and the controller deletes its own alone."""
        for snapshot in list(self._cloud.truth.snapshots.values()):
            if snapshot.state == "error":
                self._tell("HAND", f"deletes {snapshot.id}, which failed")
                self._cloud.by_hand(Meddling.DELETE_SNAPSHOT, snapshot.id)

    def _start_again(self) -> None:
        for identifier in list(self._to_start):
            instance = self._cloud.truth.instances.get(identifier)
            if instance is None or instance.state in ("stopped", "terminated"):
                self._to_start.remove(identifier)
            if instance is not None and instance.state == "stopped":
                self._tell("HAND", f"starts {identifier} again")
                self._cloud.by_hand(Meddling.START, identifier)

    def _alive_after_all(self, slot: str) -> bool:
        """A look at the console: whether anything of that slot lives, whatever the controller was shown."""
        lost = {
            identifier for identifier, (_, tags) in self._taken_off.items() if slot_of(tags) == slot
        }
        return any(
            item.alive and (slot_of(item.tags) == slot or item.id in lost)
            for item in self._cloud.truth.instances.values()
            if item.tags.get(OWNER) in (None, US)
        )

    def _approve(self, process: Process, identifier: str, gate: Gate, now: datetime) -> None:
        self._tell("HAND", f"reconciler approve {identifier} ({gate})")
        process.words.grant(
            Approval(
                id=identifier,
                gate=gate,
                granted_at=now,
                expires_at=now + GRANTED_FOR,
                granted_by="erin",
            )
        )
