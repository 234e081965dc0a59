"""Other regions of the account: nothing is there but copies of snapshots (TRUSTED.md, part D).

A region's name takes the place of a zone's in faults, so that one can be in trouble alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from providers.simulated.describing import Describing
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import SnapshotFails, SnapshotSlow
from providers.simulated.gate import Gate, Reply
from providers.simulated.records import Snapshot
from providers.simulated.refusals import Refused, incorrect_state, invalid, no_snapshot
from providers.simulated.tagging import tags_for
from providers.simulated.views import Views
from providers.simulated.world import World

Parameters = Mapping[str, Any]

MOST_AT_ONCE = 20
NO_VOLUME = "vol-ffffffff"
_LIFECYCLE = "lifecycle: copy"


class OtherRegion:
    """Has the face of boto3's EC2 client of that region, as far as copies go."""

    def __init__(self, region: str, world: World, gate: Gate, faults: FaultPlan) -> None:
        self._region = region
        self._world = world
        self._gate = gate
        self._faults = faults
        self._copies = world.region(region)
        self._describing = Describing(world, faults, Views(world, faults))

    def describe_snapshots(self, **parameters: Any) -> Reply:
        return self._call("DescribeSnapshots", parameters)

    def copy_snapshot(self, **parameters: Any) -> Reply:
        return self._call("CopySnapshot", parameters)

    def delete_snapshot(self, **parameters: Any) -> Reply:
        return self._call("DeleteSnapshot", parameters)

    def _call(self, operation: str, parameters: Parameters) -> Reply:
        effects = {
            "DescribeSnapshots": lambda asked: self._describing.snapshots(asked, self._copies),
            "CopySnapshot": self._copy,
            "DeleteSnapshot": self._delete,
        }
        return self._gate.call(operation, parameters, effects[operation], region=self._region)

    def _copy(self, parameters: Parameters) -> Reply:
        source = self._source(parameters)
        pending = [item for item in self._copies.current.values() if item.state == "pending"]
        if len(pending) >= MOST_AT_ONCE:
            raise Refused(
                "ResourceLimitExceeded",
                f"Too many snapshot copies in progress. The limit is {MOST_AT_ONCE} for this destination region.",
            )
        key = parameters.get("KmsKeyId")
        encrypted = source.encrypted or bool(parameters.get("Encrypted"))
        if key is not None and not encrypted:
            raise invalid("KmsKeyId requires Encrypted")
        copy = Snapshot(
            id=self._world.mint("snap"),
            volume_id=NO_VOLUME,
            state="pending",
            size_gib=source.size_gib,
            encrypted=encrypted,
            kms_key_id=(key or self._default_key) if encrypted else None,
            started_at=self._world.now,
            completed_at=None,
            description=parameters.get("Description", ""),
            tags=tags_for("snapshot", parameters.get("TagSpecifications", ())),
            data=source.data,
        )
        self._world.put_copy(self._region, copy, "pending")
        self._world.later(self._takes(copy), lambda: self._end(copy.id, source.id))
        return {"SnapshotId": copy.id}

    def _source(self, parameters: Parameters) -> Snapshot:
        identifier = parameters["SourceSnapshotId"]
        source = self._world.snapshots.current.get(identifier)
        if source is None or parameters["SourceRegion"] != self._world.layout.region:
            raise no_snapshot(identifier)
        if source.state != "completed":
            raise incorrect_state(f"The snapshot '{identifier}' is '{source.state}'.")
        return source

    def _takes(self, copy: Snapshot) -> timedelta:
        durations = self._world.durations
        takes = self._world.draw(durations.copy_least_s)
        takes += self._world.draw(durations.copy_per_gib_s) * copy.size_gib
        slow = self._faults.strikes(SnapshotSlow, _LIFECYCLE, zones={self._region})
        return takes + slow.longer if slow else takes

    def _end(self, identifier: str, source_id: str) -> None:
        copy = self._copies.current.get(identifier)
        if copy is None or copy.state != "pending":
            return
        why = self._failure_of(copy, source_id)
        ended = replace(
            copy,
            state="completed" if why is None else "error",
            completed_at=self._world.now if why is None else None,
            state_message=why,
        )
        self._world.put_copy(self._region, ended, ended.state)

    def _failure_of(self, copy: Snapshot, source_id: str) -> str | None:
        """Keys are looked at late: a copy with one that the region lacks is accepted, and then fails."""
        if self._faults.strikes(SnapshotFails, _LIFECYCLE, zones={self._region}):
            return "An internal error occurred"
        if source_id not in self._world.snapshots.current:
            return "The source snapshot does not exist"
        key = copy.kms_key_id or ""
        foreign = key.startswith("arn:") and f":{self._region}:" not in key
        return "Given key ID is not accessible" if foreign else None

    def _delete(self, parameters: Parameters) -> Reply:
        identifier = parameters["SnapshotId"]
        if identifier not in self._copies.current:
            raise no_snapshot(identifier)
        self._world.remove_copy(self._region, identifier)
        return {}

    @property
    def _default_key(self) -> str:
        return f"arn:aws:kms:{self._region}:{self._world.layout.account}:alias/aws/ebs"
