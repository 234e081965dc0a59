"""A fleet that has been healthy for a month, in the simulated world, as bring-up and a month of backups leave it.

The planner says what belongs there: the launches of its plan for the empty account are carried out at once, and the
snapshots that it then finds due are put there as completed ones, of that date and of those before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from desired_state.model import DesiredState
from providers.ec2.launching import run_instances_parameters
from providers.requests import CreateSnapshot, CreateSnapshots, LaunchInstance
from providers.simulated.changes import Cause
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.records import Instance, Snapshot, Volume
from reconciler.planning.actions import Action
from reconciler.planning.identity import Role, Tag
from reconciler.planning.outcome import Plan

RAN_FOR = timedelta(days=30)
STARTED_IN = timedelta(minutes=5)
"""From a launch until the instance was in service, and until its checks say so."""
SNAPSHOTS_KEPT = 3
"""Dates of a schedule that are there; older ones are never the restore point of least loss."""
SNAPSHOT_TOOK = timedelta(minutes=5)

Look = Callable[[], Plan]
"""What would be done now."""


class Placing:
    """Puts the fleets there, in a few virtual minutes. `look` plans as the controller would."""

    def __init__(self, cloud: SimulatedCloud, desired: DesiredState, look: Look) -> None:
        self._cloud = cloud
        self._desired = desired
        self._look = look

    def place(self) -> None:
        """The healthy fleets and their newest snapshots. ValueError when a slot can't be filled."""
        launches = sorted(
            (action for action in due(self._look()) if _launches(action)),
            key=lambda action: str(
                action.slot
            ),  # And not in a policy's order: the ids are the same for all.
        )
        wanted = sum(fleet.replicas for fleet in self._desired.fleets)
        if len(launches) < wanted:
            raise ValueError(f"{wanted} slots are declared, and only {len(launches)} can be filled")
        self._cloud.clock.sleep(1)
        launched = [self._launch(action) for action in launches]
        self._cloud.clock.sleep(STARTED_IN.total_seconds())
        self._cloud.world.effect(Cause.TIME, lambda: self._age_all(launched))
        snapshots = [action for action in due(self._look()) if _snapshots(action)]
        self._cloud.world.effect(Cause.TIME, lambda: self._take_all(snapshots))

    def _age_all(self, launched: Iterable[str]) -> None:
        for instance_id in launched:
            self._age(instance_id)

    def _take_all(self, snapshots: Iterable[Action]) -> None:
        for action in snapshots:
            self._take(action)

    def _launch(self, action: Action) -> str:
        """One launch a second is what EC2 admits for long."""
        request = action.request
        if not isinstance(request, LaunchInstance):
            raise TypeError(action.request.kind)
        script = self._scripts.get(request.user_data_sha256 or "")
        reply = self._cloud.ec2.run_instances(**run_instances_parameters(request, script))
        self._cloud.clock.sleep(1)
        return str(reply["Instances"][0]["InstanceId"])

    @property
    def _scripts(self) -> Mapping[str, str]:
        scripts = (fleet.instance.user_data for fleet in self._desired.fleets)
        return {item.sha256: item.text for item in scripts if item is not None}

    def _age(self, instance_id: str) -> None:
        """It was launched a month ago and has been in service ever since."""
        world = self._cloud.world
        instance = world.instances.current[instance_id]
        launched_at = instance.launched_at - RAN_FOR
        served = {
            Tag.ROLE.value: Role.OCCUPANT.value,
            Tag.IN_SERVICE_SINCE.value: f"{launched_at + STARTED_IN:%Y-%m-%dT%H:%M:%SZ}",
        }
        aged = replace(
            instance,
            launched_at=launched_at,
            running_since=launched_at + STARTED_IN,
            tags={**instance.tags, **served},
        )
        world.put_instance(aged, "in service")
        for volume in self._data_of(aged):
            named = {Tag.CLAIM.value: self._claim_of(aged, volume)}
            world.put_volume(
                replace(volume, created_at=launched_at, tags={**volume.tags, **named}), "in service"
            )

    def _data_of(self, instance: Instance) -> list[Volume]:
        volumes = self._cloud.world.volumes.current
        return [
            volumes[item.volume_id]
            for item in instance.attachments
            if item.device != instance.root_device
        ]

    def _claim_of(self, instance: Instance, volume: Volume) -> str:
        fleet = self._desired.fleet(instance.tags[Tag.FLEET.value])
        claims = fleet.claims if fleet else ()
        device = volume.attachment.device if volume.attachment else None
        return next(claim.name for claim in claims if claim.device == device)

    def _take(self, action: Action) -> None:
        """The snapshot that is due now as it was taken on its date, and those of the dates before."""
        request, volumes = action.request, self._cloud.world.volumes.current
        match request:
            case CreateSnapshot():
                taken = [volumes[request.volume_id]]
            case CreateSnapshots():
                taken = [volumes[id_] for id_ in request.volume_ids]
            case _:
                raise TypeError(request.kind)
        every = self._every(action)
        for volume in taken:
            copied = volume.tags if isinstance(request, CreateSnapshots) else {}
            for number in range(SNAPSHOTS_KEPT):
                self._put_snapshot(volume, {**copied, **request.tags}, request, number * every)

    def _every(self, action: Action) -> timedelta:
        fleet = self._desired.fleet(action.slot.fleet) if action.slot else None
        schedules = (
            claim.backup.snapshots
            for claim in (fleet.claims if fleet else ())
            if claim.backup is not None
        )
        return min(item.every for item in schedules if item is not None)

    def _put_snapshot(
        self,
        volume: Volume,
        tags: Mapping[str, str],
        request: CreateSnapshot | CreateSnapshots,
        before: timedelta,
    ) -> None:
        world, at = self._cloud.world, request.due_at - before
        dated = {Tag.DUE.value: f"{at:%Y-%m-%dT%H:%M:%SZ}"}
        snapshot = Snapshot(
            id=world.mint("snap"),
            volume_id=volume.id,
            state="completed",
            size_gib=volume.size_gib,
            encrypted=volume.encrypted,
            kms_key_id=volume.kms_key_id,
            started_at=at,
            completed_at=at + SNAPSHOT_TOOK,
            description="",
            tags={**tags, **dated},
            data=replace(volume.data, written_until=at),
        )
        world.put_snapshot(snapshot, "completed")


def due(plan: Plan) -> list[Action]:
    """All that the plan would do, held back or not."""
    return [*plan.actions, *(item.action for item in plan.withheld if item.action is not None)]


def _launches(action: Action) -> bool:
    return isinstance(action.request, LaunchInstance)


def _snapshots(action: Action) -> bool:
    return isinstance(action.request, CreateSnapshot | CreateSnapshots)
