"""The lists of a cell as observed items, each whole or an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from providers.ec2 import translation
from providers.ec2.calls import Calls
from providers.ec2.failures import FOREIGN_OWNER, unreadable
from providers.ec2.interning import InternedCell
from providers.ec2.operations import OPERATIONS
from providers.ec2.session import CellClients
from providers.errors import CloudError, RetryClass
from providers.observed import Instance, Snapshot, StatusChecks, Volume, Zone
from providers.observed_volumes import VolumeStatus

PAGE: Mapping[str, Any] = {"MaxResults": 1000}
"""The most that a page holds (EC2 API reference). EC2 refuses it beside ids."""

PARAMETERS_AT_ONCE = 10
"""The most that GetParameters takes (Systems Manager API reference)."""


class Lists:
    """Reads the lists of one account and region. Each method raises what `Calls.send` raises."""

    def __init__(
        self, *, calls: Calls, clients: CellClients, account: str, interned: InternedCell
    ) -> None:
        self._calls = calls
        self._interned = interned
        self._clients = clients
        self._account = account

    def zones(self) -> dict[str, Zone]:
        """By zone id."""
        method = self._clients.ec2.describe_availability_zones
        reply = self._calls.send(method)
        try:
            zones = [
                self._interned.zones.item(item.get("ZoneId"), item, translation.zone)
                for item in reply.get("AvailabilityZones", ())
            ]
        except translation.Unintelligible as error:
            raise unreadable(OPERATIONS[method.__name__], str(error)) from error
        if not zones:
            raise unreadable(OPERATIONS[method.__name__], "the reply names no zone")
        return {zone.id: zone for zone in zones}

    def instances(
        self, zone_ids: translation.ZoneIds, parameters: Mapping[str, Any]
    ) -> dict[str, Instance]:
        """By id. `parameters` are those of DescribeInstances."""
        method = self._clients.ec2.describe_instances
        interned, found = self._interned.instances, dict[str, Instance]()
        make = partial(translation.instance, owner_account=self._account, zone_ids=zone_ids)
        try:
            for reservation in self._calls.all_pages(method, "Reservations", parameters):
                self._refuse_foreign(reservation)
                for reply in reservation.get("Instances", ()):
                    item = interned.item(reply.get("InstanceId"), reply, make)
                    found[item.id] = item
        except translation.Unintelligible as error:
            raise unreadable(OPERATIONS[method.__name__], str(error)) from error
        return found

    def volumes(
        self, zone_ids: translation.ZoneIds, parameters: Mapping[str, Any]
    ) -> dict[str, Volume]:
        """By id. `parameters` are those of DescribeVolumes."""
        method, interned = self._clients.ec2.describe_volumes, self._interned.volumes
        try:
            replies = self._calls.all_pages(method, "Volumes", parameters)
            make = partial(translation.volume, zone_ids=zone_ids)
            found = [interned.item(reply.get("VolumeId"), reply, make) for reply in replies]
        except translation.Unintelligible as error:
            raise unreadable(OPERATIONS[method.__name__], str(error)) from error
        return {item.id: item for item in found}

    def checks(self, parameters: Mapping[str, Any]) -> dict[str, StatusChecks]:
        """By instance id, of stopped instances too. `parameters` are those of DescribeInstanceStatus."""
        method, interned = self._clients.ec2.describe_instance_status, self._interned.checks
        try:
            replies = self._calls.all_pages(
                method, "InstanceStatuses", {"IncludeAllInstances": True, **parameters}
            )
            make = translation.status_checks
            found = [interned.item(reply.get("InstanceId"), reply, make) for reply in replies]
        except translation.Unintelligible as error:
            raise unreadable(OPERATIONS[method.__name__], str(error)) from error
        return {item.instance_id: item for item in found}

    def volume_status(self, parameters: Mapping[str, Any]) -> dict[str, VolumeStatus]:
        """By volume id, of every volume of the account. `parameters` are those of DescribeVolumeStatus."""
        method, interned = self._clients.ec2.describe_volume_status, self._interned.volume_status
        try:
            replies = self._calls.all_pages(method, "VolumeStatuses", parameters)
            make = translation.volume_status
            found = [interned.item(reply.get("VolumeId"), reply, make) for reply in replies]
        except translation.Unintelligible as error:
            raise unreadable(OPERATIONS[method.__name__], str(error)) from error
        return {item.volume_id: item for item in found}

    def snapshots(self, parameters: Mapping[str, Any]) -> dict[str, Snapshot]:
        """By id, of this account alone. `parameters` are those of DescribeSnapshots."""
        method = self._clients.ec2.describe_snapshots
        try:
            replies = self._calls.all_pages(
                method, "Snapshots", {"OwnerIds": [self._account], **parameters}
            )
            found = [translation.snapshot(reply) for reply in replies]
        except translation.Unintelligible as error:
            raise unreadable(OPERATIONS[method.__name__], str(error)) from error
        return {item.id: item for item in found if item.owner_account == self._account}

    def images(self, names: Iterable[str]) -> dict[str, str]:
        """Parameter name to image id; a name that does not exist is left out."""
        found: dict[str, str] = {}
        ordered = sorted(set(names))
        for start in range(0, len(ordered), PARAMETERS_AT_ONCE):
            reply = self._calls.send(
                self._clients.ssm().get_parameters,
                Names=ordered[start : start + PARAMETERS_AT_ONCE],
            )
            for parameter in reply.get("Parameters", ()):
                found[parameter["Name"]] = parameter["Value"]
        return found

    def _refuse_foreign(self, reservation: Mapping[str, Any]) -> None:
        """The account behind the credentials was verified; a reply about another one is not for us."""
        owner = reservation.get("OwnerId") or "unknown"
        if owner != self._account:
            ids = ", ".join(reply.get("InstanceId", "") for reply in reservation["Instances"])
            raise CloudError(
                operation="DescribeInstances",
                code=FOREIGN_OWNER,
                message=f"{ids} belongs to account {owner}, not {self._account}",
                retry=RetryClass.INVALID,
            )
