"""The calls that only read: which versions to show, cut into pages, as boto3's items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from providers.simulated import filters
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import ListShort
from providers.simulated.paging import Paging, question_of
from providers.simulated.records import Record, Snapshot, identifier_of
from providers.simulated.refusals import (
    Refused,
    malformed,
    no_instance,
    no_snapshot,
    no_volume,
)
from providers.simulated.replies import Item, Replies
from providers.simulated.timelines import Collection, Version
from providers.simulated.views import Views
from providers.simulated.world import World

R = TypeVar("R", bound=Record)
Parameters = Mapping[str, Any]

STATUS_PROPERTIES = {
    "availability-zone": filters.INSTANCE_PROPERTIES["availability-zone"],
    "availability-zone-id": filters.INSTANCE_PROPERTIES["availability-zone-id"],
    "instance-state-name": filters.INSTANCE_PROPERTIES["instance-state-name"],
}


class Describing:
    """Answers Describe calls from views of the world."""

    def __init__(self, world: World, faults: FaultPlan, views: Views) -> None:
        self._world = world
        self._faults = faults
        self._views = views
        self._paging = Paging(world, faults)
        self._replies = Replies(world.layout)
        self._last_lists: dict[tuple[str, str], tuple[int, Mapping[str, Version[Any]]]] = {}

    @property
    def replies(self) -> Replies:
        """What makes reply items; the mutating calls answer with them too."""
        return self._replies

    def availability_zones(self, parameters: Parameters) -> Item:
        """DescribeAvailabilityZones."""
        layout = self._world.layout
        wanted_ids, wanted_names = parameters.get("ZoneIds"), parameters.get("ZoneNames")
        return {
            "AvailabilityZones": [
                {
                    "ZoneId": key,
                    "ZoneName": name,
                    "RegionName": layout.region,
                    "State": self._world.zone_states[key],
                    "OptInStatus": "opt-in-not-required",
                    "ZoneType": "availability-zone",
                    "Messages": [],
                }
                for key, name in layout.zones.items()
                if (wanted_ids is None or key in wanted_ids)
                and (wanted_names is None or name in wanted_names)
            ]
        }

    def instances(self, parameters: Parameters) -> Item:
        """DescribeInstances."""
        versions, token = self._page(
            "DescribeInstances",
            parameters,
            self._world.instances,
            ids=_ids("i", "InvalidInstanceID", parameters.get("InstanceIds")),
            properties=filters.INSTANCE_PROPERTIES,
            not_found=lambda missing: no_instance(*missing),
        )
        return _reply("Reservations", [self._replies.reservation(v) for v in versions], token)

    def volumes(self, parameters: Parameters) -> Item:
        """DescribeVolumes."""
        versions, token = self._page(
            "DescribeVolumes",
            parameters,
            self._world.volumes,
            ids=_ids("vol", "InvalidVolumeID", parameters.get("VolumeIds")),
            properties=filters.VOLUME_PROPERTIES,
            not_found=lambda missing: no_volume(missing[0]),
        )
        return _reply("Volumes", [self._replies.volume(v) for v in versions], token)

    def snapshots(
        self, parameters: Parameters, collection: Collection[Snapshot] | None = None
    ) -> Item:
        """DescribeSnapshots, of this region or of another one's. There are no others' snapshots anywhere: OwnerIds of
        others find none.
        """
        owners = parameters.get("OwnerIds")
        if owners is not None and not {"self", self._world.layout.account} & set(owners):
            return {"Snapshots": []}
        versions, token = self._page(
            "DescribeSnapshots",
            parameters,
            self._world.snapshots if collection is None else collection,
            ids=_ids("snap", "InvalidSnapshotID", parameters.get("SnapshotIds")),
            properties=filters.SNAPSHOT_PROPERTIES,
            not_found=lambda missing: no_snapshot(missing[0]),
        )
        return _reply("Snapshots", [self._replies.snapshot(v) for v in versions], token)

    def instance_status(self, parameters: Parameters) -> Item:
        """DescribeInstanceStatus: running instances only, unless all are asked for."""
        asked = _ids("i", "InvalidInstanceID", parameters.get("InstanceIds"))
        instances = self._world.instances.current
        if missing := [key for key in asked or () if key not in instances]:
            raise no_instance(*missing)
        accepts = filters.matcher(
            parameters.get("Filters", ()), STATUS_PROPERTIES, self._world.layout
        )
        everyone = bool(parameters.get("IncludeAllInstances"))

        def shown(checks: Any) -> bool:
            instance = instances.get(checks.instance_id)
            return (
                instance is not None
                and (everyone or instance.state == "running")
                and accepts(instance)
            )

        versions, token = self._page(
            "DescribeInstanceStatus",
            parameters,
            self._world.checks,
            ids=asked,
            accepts=shown,
        )
        items = [
            self._replies.checks(version, instances[version.record.instance_id])
            for version in versions
            if version.record is not None and version.record.instance_id in instances
        ]
        return _reply("InstanceStatuses", items, token)

    def volume_status(self, parameters: Parameters) -> Item:
        """DescribeVolumeStatus. A lost volume looks well here (aws-facts B1)."""
        asked = _ids("vol", "InvalidVolumeID", parameters.get("VolumeIds"))
        volumes = self._world.volumes.current
        if missing := [key for key in asked or () if key not in volumes]:
            raise no_volume(missing[0])
        accepts = filters.matcher(
            parameters.get("Filters", ()), filters.VOLUME_PROPERTIES, self._world.layout
        )
        versions, token = self._page(
            "DescribeVolumeStatus",
            parameters,
            self._world.volume_statuses,
            ids=asked,
            accepts=lambda status: (
                status.volume_id in volumes and accepts(volumes[status.volume_id])
            ),
        )
        items = [
            self._replies.volume_status(version, volumes[version.record.volume_id].zone)
            for version in versions
            if version.record is not None and version.record.volume_id in volumes
        ]
        return _reply("VolumeStatuses", items, token)

    # Lists and pages.

    def _page(
        self,
        operation: str,
        parameters: Parameters,
        collection: Collection[R],
        *,
        ids: Sequence[str] | None,
        properties: Mapping[str, filters.Property[Any]] | None = None,
        not_found: Callable[[Sequence[str]], Refused] | None = None,
        accepts: Callable[[Any], bool] | None = None,
    ) -> tuple[Sequence[Version[R]], str | None]:
        """The versions on the page that is asked for, and the next page's token. Raises Refused."""
        asked = self._paging.asked(operation, parameters)
        if accepts is None:
            accepts = filters.matcher(
                parameters.get("Filters", ()), properties or {}, self._world.layout
            )
        found: Mapping[str, Version[R]]
        if asked.ids is not None:
            found = _shown(self._views.read(collection, operation, asked.ids))
        elif ids is not None:
            found = _shown(self._views.read(collection, operation, ids))
            missing = [key for key in ids if key not in found]
            if missing and not_found is not None:
                raise not_found(missing)
            found = _accepted(found, accepts)
        else:
            found = self._whole_list(operation, parameters, collection, accepts)
            if short := self._faults.strikes(ListShort, operation):
                found = dict(list(found.items())[: int(len(found) * short.kept)])
        part = self._paging.part(operation, parameters, asked, tuple(found))
        return [found[key] for key in part.ids], part.next_token

    def _whole_list(
        self,
        operation: str,
        parameters: Parameters,
        collection: Collection[R],
        accepts: Callable[[Any], bool],
    ) -> Mapping[str, Version[R]]:
        """All that the filters accept. While nothing has changed and no view lags, it is the list of the last time."""
        if self._views.lagging(operation):
            self._last_lists.clear()
            return _accepted(_shown(self._views.read(collection, operation)), accepts)
        question = (operation, question_of(parameters))
        revision = len(self._world.log)
        last = self._last_lists.get(question)
        if last is None or last[0] != revision:
            found = _accepted(_shown(self._views.read(collection, operation)), accepts)
            last = self._last_lists[question] = (revision, found)
        return last[1]


def _shown(versions: Sequence[Version[R]]) -> dict[str, Version[R]]:
    return {identifier_of(version.record): version for version in versions if version.record}


def _accepted(
    found: Mapping[str, Version[R]], accepts: Callable[[Any], bool]
) -> dict[str, Version[R]]:
    return {key: version for key, version in found.items() if accepts(version.record)}


def _ids(prefix: str, kind: str, asked: Sequence[str] | None) -> Sequence[str] | None:
    """The ids of a request without repetitions, None when it names none. Raises Refused for one of the wrong form."""
    if not asked:
        return None
    for identifier in asked:
        digits = identifier.removeprefix(f"{prefix}-")
        well_formed = len(digits) in (8, 17) and all(c in "0123456789abcdef" for c in digits)
        if digits == identifier or not well_formed:
            raise malformed(kind, identifier)
    return list(dict.fromkeys(asked))


def _reply(member: str, items: Sequence[Item], token: str | None) -> Item:
    reply: Item = {member: list(items)}
    if token is not None:
        reply["NextToken"] = token
    return reply
