"""What is declared and what is there, for the scenes of tests: fleets, instances, volumes, probes, gaps."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from desired_state.model import DesiredState, Fleet, SafetyPolicy
from providers.observed import (
    STANDARD_TIER,
    Attachment,
    AttachmentState,
    CellIdentity,
    Gap,
    GapSubject,
    Instance,
    InstanceState,
    Observation,
    Presence,
    ProbeOutcome,
    ProbeResult,
    Snapshot,
    SnapshotList,
    SnapshotState,
    StatusChecks,
    Volume,
    VolumeState,
    Zone,
)
from providers.observed_archives import ArchiveHistory
from providers.observed_volumes import VolumeIo, VolumeStatus
from reconciler.health.capabilities import Capabilities
from reconciler.health.conditions import Conditions
from reconciler.health.verdict import (
    RememberedHealth,
    Status,
    Verdict,
)
from reconciler.planning.identity import Role, Tag, incarnation_of, role_of, slot_of
from reconciler.planning.memory import (
    KnownResource,
)
from tests.support.fleets import ACCOUNT, DAY, REGION, SECOND, desired
from tests.support.remembered import Remembered
from tests.support.resources import (
    NOW,
    OWNER,
    instance_id,
    instance_of,
    passing_checks,
    slot,
    usual_zone,
    volume_of,
)
from tests.support.volume_health import status_of

CELL = CellIdentity(account=ACCOUNT, region=REGION, endpoint="https://ec2.us-east-1.amazonaws.com")
ALL_ZONES = {
    zone_id: Zone(id=zone_id, name=f"us-east-1{letter}", state="available")
    for zone_id, letter in (("use1-az1", "a"), ("use1-az2", "b"), ("use1-az4", "d"))
}


class Present(Remembered):
    """A cell in the making: what is declared, what is observed, and the memory that goes with it."""

    def __init__(
        self,
        *fleets: Fleet,
        now: datetime = NOW,
        policy: SafetyPolicy | None = None,
        owner: str = OWNER,
    ) -> None:
        super().__init__(now)
        self.owner = owner
        self.policy = policy
        self.fleets: dict[str, Fleet] = {fleet.name: fleet for fleet in fleets}
        self.instances: dict[str, Instance] = {}
        self.volumes: dict[str, Volume] = {}
        self.checks: dict[str, StatusChecks] = {}
        self.probes: dict[str, ProbeResult] = {}
        self.images: dict[str, str] = {}
        self.zones: dict[str, Zone] = dict(ALL_ZONES)
        self.by_id: dict[str, Presence] = {}
        self.gaps: list[Gap] = []
        self.told: dict[str, Verdict] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.copies: dict[str, Snapshot] = {}
        self.volume_status: dict[str, VolumeStatus] = {}
        """Status of volumes that differs from ok."""
        self.volume_io: dict[str, VolumeIo] = {}
        self.archives: dict[str, ArchiveHistory] = {}
        """What was read, by address."""
        self.conditions = Conditions()
        self.capabilities = Capabilities()

    def in_service(self, *slots: str, since: timedelta = DAY) -> None:
        """A healthy occupant with its volumes in each of these slots, or in every declared slot."""
        named = slots or tuple(
            f"{fleet.name}/{ordinal}"
            for fleet in self.fleets.values()
            for ordinal in range(fleet.replicas)
        )
        for text in named:
            occupant = self.instance(text, age=since)
            for claim in self._fleet(text).claims:
                self.volume(text, claim.name, on=occupant.id)

    def instance(
        self,
        text: str,
        *,
        incarnation: int = 1,
        role: Role | None = Role.OCCUPANT,
        state: InstanceState = InstanceState.RUNNING,
        age: timedelta = DAY,
        zone: str | None = None,
        verdict: Verdict | None = None,
    ) -> Instance:
        """An instance of that slot as its fleet declares it, launched `age` ago; healthy unless told otherwise."""
        fleet, ref = self._fleet(text), slot(text)
        image = fleet.instance.image
        instance = instance_of(
            fleet,
            ref,
            image=image if isinstance(image, str) else self.images[image.ssm],
            incarnation=incarnation,
            role=role,
            state=state,
            launched_at=self.now - age,
            zone=zone or usual_zone(fleet, ref),
            owner=self.owner,
        )
        self.instances[instance.id] = instance
        self._remember(instance, "instance", None)
        if state is InstanceState.RUNNING:
            self.checks[instance.id] = passing_checks(instance.id)
            if fleet.health.probe is not None:
                self.probe(text, ProbeOutcome.PASSED, incarnation=incarnation)
            self._remember_health(instance.id, _healthy_since(instance.launched_at))
        if verdict is not None:
            self.judged(instance.id, verdict)
        return instance

    def volume(
        self,
        text: str,
        claim: str = "data",
        *,
        incarnation: int = 1,
        on: str | None = None,
        zone: str | None = None,
        state: VolumeState | None = None,
        age: timedelta = DAY,
    ) -> Volume:
        """A volume that fills a claim of that slot, on the instance of that id or on none."""
        fleet, ref = self._fleet(text), slot(text)
        declared = next(item for item in fleet.claims if item.name == claim)
        volume = volume_of(
            fleet,
            ref,
            declared,
            incarnation=incarnation,
            state=state or (VolumeState.IN_USE if on else VolumeState.AVAILABLE),
            created_at=self.now - age,
            zone=zone or (self.instances[on].zone if on else usual_zone(fleet, ref)),
            owner=self.owner,
        )
        self.volumes[volume.id] = volume
        self._remember(volume, "volume", claim)
        if on:
            self.attached(volume.id, on, device=declared.device)
        return self.volumes[volume.id]

    def snapshot(
        self,
        volume: str,
        *,
        ago: timedelta,
        state: SnapshotState = SnapshotState.COMPLETED,
        ours: bool = True,
        **fields: Any,
    ) -> Snapshot:
        """A snapshot of that volume, begun that long ago by us, with others of the moment, or by somebody else."""
        item = self.volumes[volume]
        due = {Tag.OPERATION.value: f"of {self.now - ago}", Tag.DUE.value: f"{self.now - ago}"}
        tags = {**item.tags, **due} if ours else {}
        snapshot = Snapshot(
            id=f"snap-0{len(self.snapshots):016x}",
            volume_id=volume,
            owner_account=ACCOUNT,
            state=state,
            state_message=None,
            started_at=self.now - ago,
            progress="100%" if state is SnapshotState.COMPLETED else "",
            size_gib=item.size_gib,
            encrypted=item.encrypted,
            kms_key_id=item.kms_key_id,
            storage_tier=STANDARD_TIER,
            tags=tags,
        )
        self.snapshots[snapshot.id] = replace(snapshot, **fields)
        return self.snapshots[snapshot.id]

    def copied(
        self,
        source: Snapshot,
        *,
        state: SnapshotState = SnapshotState.COMPLETED,
        ago: timedelta = timedelta(),
        **fields: Any,
    ) -> Snapshot:
        """A copy that we made of that snapshot in the region that its claim names, begun that long ago."""
        lineage = {
            Tag.OPERATION.value: f"copy of {source.id}",
            Tag.COPIED_FROM.value: source.id,
            Tag.COPIED_FROM_REGION.value: CELL.region,
            Tag.TAKEN_AT.value: source.started_at.isoformat(),
        }
        copy = replace(
            source,
            id=f"snap-1{len(self.copies):016x}",
            volume_id="vol-ffffffff",
            state=state,
            started_at=self.now - ago,
            tags={**source.tags, **lineage},
        )
        self.copies[copy.id] = replace(copy, **fields)
        return self.copies[copy.id]

    def attached(
        self,
        volume: str,
        instance: str,
        *,
        device: str = "/dev/sdf",
        state: AttachmentState = AttachmentState.ATTACHED,
    ) -> None:
        """That volume is on that instance, as both of them report."""
        attachment = Attachment(
            volume_id=volume,
            instance_id=instance,
            device=device,
            state=state,
            delete_on_termination=False,
        )
        kept = tuple(
            item for item in self.instances[instance].attachments if item.volume_id != volume
        )
        self.change(volume, state=VolumeState.IN_USE, attachments=(attachment,))
        self.change(instance, attachments=(*kept, attachment))

    def detached(self, volume: str) -> None:
        """That volume is on no instance, as both sides report."""
        for attachment in self.volumes[volume].attachments:
            holder = self.instances[attachment.instance_id]
            rest = tuple(item for item in holder.attachments if item.volume_id != volume)
            self.change(holder.id, attachments=rest)
        self.change(volume, state=VolumeState.AVAILABLE, attachments=())

    def probe(
        self, text: str, outcome: ProbeOutcome, *, incarnation: int = 1, detail: str = ""
    ) -> None:
        """What the probe of that slot's instance said just now."""
        identifier = instance_id(text, incarnation)
        words = detail or ("connected" if outcome is ProbeOutcome.PASSED else "refused")
        self.probes[identifier] = ProbeResult(
            instance_id=identifier, outcome=outcome, detail=words, at=self.now
        )

    def judged(self, identifier: str, verdict: Verdict) -> None:
        """That verdict on that instance, whatever the judge would say."""
        self.told[identifier] = verdict

    def gap(self, subject: GapSubject, *, zone: str | None = None, code: str = "Timeout") -> None:
        """That part of the cell could not be read."""
        self.gaps.append(Gap(subject=subject, zone=zone, code=code, detail="no answer in 10 s"))

    def change(self, identifier: str, **fields: Any) -> None:
        """Replace fields of that instance or volume."""
        if identifier in self.instances:
            self._changed_instance(identifier, **fields)
        else:
            self.volumes[identifier] = replace(self.volumes[identifier], **fields)

    def declare(self, fleet: Fleet) -> None:
        """Declare that fleet, or declare it anew."""
        self.fleets[fleet.name] = fleet

    def release(self, name: str) -> None:
        """That fleet is no longer declared."""
        del self.fleets[name]

    def occupant(self, text: str) -> Instance:
        """The one living instance with the occupant's role in that slot."""
        found = [
            item
            for item in self.instances.values()
            if item.alive
            and slot_of(item.tags) == slot(text)
            and role_of(item.tags) is Role.OCCUPANT
        ]
        (instance,) = found
        return instance

    def observation(self) -> Observation:
        """What was read of the cell."""
        return Observation(
            as_of=self.now,
            cell=CELL,
            instances=dict(self.instances),
            volumes=dict(self.volumes),
            checks=dict(self.checks),
            zones=dict(self.zones),
            probes=dict(self.probes),
            images=dict(self.images),
            by_id=dict(self.by_id),
            gaps=tuple(self.gaps),
            snapshots=dict(self.snapshots),
            snapshots_as_of=self.now,
            copies={
                claim.backup.copy_to: SnapshotList(as_of=self.now, snapshots=dict(self.copies))
                for fleet in self.fleets.values()
                for claim in fleet.claims
                if claim.backup is not None and claim.backup.copy_to is not None
            },
            volume_status={
                id_: self.volume_status.get(id_, status_of(id_)) for id_ in self.volumes
            },
            volume_status_as_of=self.now,
            volume_io=dict(self.volume_io),
            archives=dict(self.archives),
        )

    def desired(self) -> DesiredState:
        """What is declared."""
        return desired(*self.fleets.values(), policy=self.policy)

    def _fleet(self, text: str) -> Fleet:
        return self.fleets[slot(text).fleet]

    def _changed_instance(self, identifier: str, **fields: Any) -> Instance:
        instance = replace(self.instances[identifier], **fields)
        self.instances[identifier] = instance
        return instance

    def _remember(self, item: Instance | Volume, kind: str, claim: str | None) -> None:
        ref, incarnation = slot_of(item.tags), incarnation_of(item.tags)
        assert ref is not None, "the resources of a scene carry our tags"
        known = KnownResource(
            id=item.id,
            kind=kind,
            slot=ref,
            claim=claim,
            incarnation=incarnation,
            zone=item.zone,
            last_seen_at=self.now - 15 * SECOND,
        )
        highest = max(incarnation, self.memory.highest_incarnations.get(ref, 0))
        self.remembering(
            known={**self.memory.known, item.id: known},
            highest_incarnations={**self.memory.highest_incarnations, ref: highest},
        )

    def _remember_health(self, identifier: str, health: RememberedHealth) -> None:
        self.remembering(health={**self.memory.health, identifier: health})


def _healthy_since(since: datetime) -> RememberedHealth:
    return RememberedHealth(
        status=Status.HEALTHY, status_since=since, healthy_at=since, good_since=since
    )
