"""S6, S7 and S8: the data of a claim has one writer, is on the right instance, and is never destroyed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from providers.simulated.changes import Cause, Change
from providers.simulated.records import Volume
from tests.simulation.oracles.ledger import SentCall
from tests.simulation.oracles.oracle import Oracle
from tests.simulation.oracles.tags import INCARNATION, incarnation_of, slot_of

WRITES_NO_MORE = ("stopped", "terminated")


class SingleWriter(Oracle):
    """S6. No detach from an instance that can still write, none with force, and no attach while another instance has
    the volume. What another person does to the holder a moment before is beyond anybody's knowledge.

    Open: F23, a zombie that goes on writing after its fence; the simulated cloud has none.
    """

    rule = "S6"

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation == "DetachVolume":
            yield from self._detach(call, now)
        if call.operation == "AttachVolume":
            volume = self.ledger.truth.volumes.get(call.parameters["VolumeId"])
            holder = volume.attachment if volume else None
            if volume is None or holder is None or self._excused(volume.id, now):
                return
            if holder.instance_id != call.parameters["InstanceId"]:
                yield f"{volume.id} is to be attached while it is {holder.state} on {holder.instance_id}"

    def _detach(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.parameters.get("Force"):
            yield f"{call.parameters['VolumeId']} is to be detached with force"
        holder = self.ledger.truth.instances.get(call.parameters.get("InstanceId", ""))
        if "InstanceId" not in call.parameters or "Device" not in call.parameters:
            yield f"a detach of {call.parameters['VolumeId']} from whatever has it"
        if holder is None or holder.state in WRITES_NO_MORE:
            return
        if not self._excused(holder.id, now):
            yield f"{call.parameters['VolumeId']} is to leave {holder.id}, which is {holder.state}"

    def _excused(self, identifier: str, now: datetime) -> bool:
        return self.ledger.touched_lately(identifier, now)


class RightPlace(Oracle):
    """S7. A volume goes onto an instance of its own slot, in its own zone, under the device that its claim declares."""

    rule = "S7"

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation != "AttachVolume":
            return
        volume = self.ledger.truth.volumes.get(call.parameters["VolumeId"])
        instance = self.ledger.truth.instances.get(call.parameters["InstanceId"])
        if volume is None or instance is None:
            return
        where = f"{volume.id} onto {instance.id}"
        slot = self.ledger.slot_of(instance.id)
        if slot is None or self.ledger.slot_of(volume.id) != slot:
            yield f"{where}: they are of {self.ledger.slot_of(volume.id)} and {slot}"
            return
        if volume.zone != instance.zone:
            yield f"{where}: they are in {volume.zone} and {instance.zone}"
        declared = self.ledger.declared[slot.rpartition("/")[0]].devices
        if call.parameters["Device"] not in declared:
            yield f"{where} as {call.parameters['Device']}, declared are {', '.join(declared)}"
        holder = self.ledger.occupant(slot)
        if self.ledger.touched_lately(instance.id, now):
            return  # Whoever took its tags off a moment ago made it look like nobody's.
        if holder is not None and incarnation_of(holder.tags) > incarnation_of(instance.tags):
            yield f"{where}, which {holder.id} has superseded"


class DataOutlives(Oracle):
    """S8 for volumes: no data volume on an instance is ever deleted by what we do, and no instance ends that would take
    one with it. Those that are on nothing are judged by `reclaimed`.
    """

    rule = "S8"

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        for change in changes:
            before = change.before
            if (
                change.what not in ("volume deleting", "volume deleted")
                or change.cause is Cause.BY_HAND
            ):
                continue
            if isinstance(before, Volume) and self._is_data(before):
                yield f"{before.id}, the data of {slot_of(before.tags)}, is being deleted"

    def _is_data(self, volume: Volume) -> bool:
        if INCARNATION not in volume.tags or volume.attachment is None:
            return False
        slot = slot_of(volume.tags)
        fleet = self.ledger.declared.get(slot.rpartition("/")[0]) if slot else None
        return fleet is not None and volume.attachment.device in fleet.devices
