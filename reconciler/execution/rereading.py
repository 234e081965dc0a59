"""Reads again, by id, what an action rests on, just before it is carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from desired_state.model import Fleet, HttpProbe
from providers.observed import Instance, Presence, ProbeResult, Snapshot
from providers.port import Cloud, Prober, ProbeTarget
from reconciler.execution.precheck import DataVolumes, Reread, ToRead, precheck, to_read
from reconciler.execution.retrying import READS, Retrying
from reconciler.planning.actions import Action, Reason
from reconciler.planning.case import Case
from reconciler.planning.identity import Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Rereading:
    """Looks once more before it is too late."""

    cloud: Cloud
    prober: Prober
    retrying: Retrying

    def objection(self, action: Action, case: Case) -> str | None:
        """Why the action must not be carried out now; None when nothing speaks against it.

        Raises CloudError when the resource cannot be read, CredentialsError, EndpointUnreachable.
        """
        reread = self._read(action, case)
        return precheck(action, reread, case.owner, data_volumes(action, case))

    def _read(self, action: Action, case: Case) -> Reread:
        asked = to_read(action.request)
        instances = (
            self.retrying.call(lambda: self.cloud.read_instances(asked.instances), READS)
            if asked.instances
            else {}
        )
        volumes = (
            self.retrying.call(lambda: self.cloud.read_volumes(asked.volumes), READS)
            if asked.volumes
            else {}
        )
        snapshots = self._snapshots(asked) if asked.snapshots else {}
        probe = None
        if action.disruptive and action.reason is Reason.PROBE:
            _, instance = instances[asked.instances[0]]
            probe = self._probe(action, instance, case)
        return Reread(instances=instances, volumes=volumes, snapshots=snapshots, probe=probe)

    def _snapshots(self, asked: ToRead) -> Mapping[str, tuple[Presence, Snapshot | None]]:
        region = asked.copies_in
        if region is None:
            return self.retrying.call(lambda: self.cloud.read_snapshots(asked.snapshots), READS)
        return self.retrying.call(
            lambda: self.cloud.read_copies(asked.snapshots, region=region), READS
        )

    def _probe(self, action: Action, instance: Instance | None, case: Case) -> ProbeResult | None:
        fleet = case.desired.fleet(action.slot.fleet) if action.slot else None
        target = _target(instance, fleet) if instance and fleet else None
        if target is None:
            return None
        now = self.retrying.clock.now()
        return self.prober.probe((target,), now=now).get(target.instance_id)


def data_volumes(action: Action, case: Case) -> DataVolumes:
    """What must outlive an instance of the action's slot: the claims of its fleet, by device and by our tags."""
    fleet = case.desired.fleet(action.slot.fleet) if action.slot else None
    return DataVolumes(
        devices=frozenset(claim.device for claim in fleet.claims) if fleet else None,
        volumes=frozenset(
            volume.id for volume in case.observation.volumes.values() if Tag.CLAIM in volume.tags
        ),
    )


def _target(instance: Instance, fleet: Fleet) -> ProbeTarget | None:
    probe = fleet.health.probe
    if probe is None or instance.private_ip is None:
        return None
    return ProbeTarget(
        instance_id=instance.id,
        address=instance.private_ip,
        port=probe.port,
        path=probe.path if isinstance(probe, HttpProbe) else None,
        timeout_s=probe.timeout.total_seconds(),
    )
