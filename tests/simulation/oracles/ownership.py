"""S3: only what is ours, named one by one, and only by the calls that this product may make."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tests.simulation.oracles.ledger import TOUCHED_LATELY, SentCall
from tests.simulation.oracles.oracle import Oracle

MAY_BE_SENT = frozenset(
    {
        "RunInstances",
        "TerminateInstances",
        "StopInstances",
        "StartInstances",
        "RebootInstances",
        "AttachVolume",
        "DetachVolume",
        "CreateTags",
        "ModifyInstanceAttribute",
        "ModifyInstanceMetadataOptions",
        "ModifyVolume",
        "CreateSnapshot",
        "CreateSnapshots",
        "DeleteSnapshot",
        "DeleteVolume",
        "CopySnapshot",
    }
)
"""Nothing that takes tags away."""


class OursAndNamed(Oracle):
    """S3. Each call names one instance, volume or snapshot, or an instance and the volume that goes onto it, and all of
    them carry our owner tag, or carried it until a moment ago; a launch is for exactly one instance that will carry it,
    and so will every snapshot.
    """

    rule = "S3"

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation not in MAY_BE_SENT:
            yield f"{call.operation} is never to be sent"
            return
        if call.operation == "RunInstances":
            yield from self._launch(call)
            return
        making = ("CreateSnapshot", "CreateSnapshots", "CopySnapshot")
        if call.operation in making and not self._tagged(call):
            yield "a snapshot without our owner tag"
        named = self._named(call)
        if not named or any(not item for item in named):
            yield f"{call.operation} names nothing"
        if len(call.parameters.get("InstanceIds", "1")) > 1:
            yield f"{call.operation} names {len(named)} instances at once"
        for identifier in named:
            if not self._ours(identifier, now):
                yield f"{call.operation} on {identifier}, which is not ours"

    def _launch(self, call: SentCall) -> Iterable[str]:
        counts = (call.parameters.get("MinCount"), call.parameters.get("MaxCount"))
        if counts != (1, 1):
            yield f"a launch of {counts} instances"
        if not self._tagged(call):
            yield "a launch without our owner tag"

    def _tagged(self, call: SentCall) -> bool:
        return self.ledger.owner in str(call.parameters.get("TagSpecifications"))

    def _named(self, call: SentCall) -> list[str]:
        named = [
            *call.parameters.get("InstanceIds", ()),
            *call.parameters.get("Resources", ()),
        ]
        for name in ("InstanceId", "VolumeId", "SnapshotId", "SourceSnapshotId"):
            if name in call.parameters:
                named.append(call.parameters[name])
        if "InstanceSpecification" in call.parameters:
            named.append(call.parameters["InstanceSpecification"].get("InstanceId"))
        return named

    def _ours(self, identifier: str, now: datetime) -> bool:
        if identifier not in self.ledger.ours_until:
            return False
        until = self.ledger.ours_until[identifier]
        return until is None or now - until <= TOUCHED_LATELY
