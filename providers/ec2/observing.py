"""One observation of a cell, in as few calls as pages allow. What could not be read is a named gap.

When a list as a whole fails with a fault of the service, the zones that answer are asked for: DescribeInstances without
ids fails for the whole region while one zone is in trouble (EC2 API reference, DescribeInstances).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar

from providers.ec2.calls import Calls
from providers.ec2.interning import InternedCell
from providers.ec2.lists import Lists
from providers.ec2.reading_by_zone import Filters, Read, ReadingByZone
from providers.ec2.zones_left_out import Failure, ZonesLeftOut
from providers.errors import CloudError, EndpointUnreachable, RetryClass
from providers.observed import CellIdentity, Gap, GapSubject, Observation, Zone

OWNER_TAG = "fleet-reconciler:owner"
"""Only what carries it is ours (design section 5); planning.identity writes the same key."""

UNREACHABLE = "EndpointUnreachable"
PARAMETER_NOT_FOUND = "ParameterNotFound"

Item = TypeVar("Item")


class Observing:
    """Reads one observation; a list that fails becomes a gap in `gaps` and yields nothing."""

    def __init__(
        self,
        *,
        calls: Calls,
        lists: Lists,
        zone_ids: Mapping[str, str],
        interned: InternedCell,
        left_out: ZonesLeftOut,
        now: datetime,
    ) -> None:
        """`zone_ids` maps zone names to ids as last known; they never change within an account. `left_out` goes from
        one observation of a cell to the next.
        """
        self._calls = calls
        self._left_out = left_out
        self._now = now
        self._lists = lists
        self.zone_ids = dict(zone_ids)
        self._interned = interned
        self.gaps: list[Gap] = []

    def observation(
        self, *, cell: CellIdentity, owner: str, image_parameters: Iterable[str]
    ) -> Observation:
        """Raises CredentialsError, CloudError of class DENIED, and EndpointUnreachable when not even the first call
        finds a connection.
        """
        zones = self._zones()
        ours: Filters = [{"Name": f"tag:{OWNER_TAG}", "Values": [owner]}]
        instances = self.by_zone_if_need_be(
            GapSubject.INSTANCES, partial(self._lists.instances, self.zone_ids), ours, zones
        )
        volumes = self.by_zone_if_need_be(
            GapSubject.VOLUMES, partial(self._lists.volumes, self.zone_ids), ours, zones
        )
        checks = {}
        if (
            instances
        ):  # Status checks know no owner; without instances there is nothing to look for.
            checks = self.by_zone_if_need_be(
                GapSubject.STATUS_CHECKS, self._lists.checks, [], zones
            )
        whole = not self.gaps
        return Observation(
            as_of=self._now,
            cell=cell,
            instances=self._interned.instances.listed(instances, whole=whole),
            volumes=self._interned.volumes.listed(volumes, whole=whole),
            checks=self._interned.checks.listed(
                {id_: check for id_, check in checks.items() if id_ in instances}, whole=whole
            ),
            zones=self._interned.zones.listed(zones, whole=whole),
            images=self._images(frozenset(image_parameters)),
            gaps=tuple(self.gaps),
            calls=dict(self._calls.counts),
        )

    def _zones(self) -> dict[str, Zone]:
        try:
            zones = self._lists.zones()
        except CloudError as error:
            self._note(GapSubject.ZONES, error)
            return {}
        self.zone_ids = {zone.name: zone.id for zone in zones.values()}
        return zones

    def by_zone_if_need_be(
        self, subject: GapSubject, read: Read[Item], filters: Filters, zones: Mapping[str, Zone]
    ) -> dict[str, Item]:
        """The whole list; or, when the service fails it as a whole, what zones give that can still be read."""
        reading = ReadingByZone(
            subject=subject,
            read=read,
            filters=filters,
            zones=zones,
            left_out=self._left_out,
            spare=self._calls.spare,
            now=self._now,
            note=partial(self._note_failure, subject),
        )
        return reading.everything()

    def _images(self, names: frozenset[str]) -> dict[str, str]:
        if not names:
            return {}
        try:
            images = self._lists.images(names)
        except EndpointUnreachable as error:
            self._note_unreachable(GapSubject.IMAGES, error)
            return {}
        except CloudError as error:
            self._note(GapSubject.IMAGES, error)
            return {}
        if missing := sorted(names - images.keys()):
            self._gap(
                GapSubject.IMAGES,
                PARAMETER_NOT_FOUND,
                f"no parameter {', '.join(missing)} in this account and region",
            )
        return images

    def _note_failure(self, subject: GapSubject, error: Failure, zone: str | None) -> None:
        if isinstance(error, EndpointUnreachable):
            self._note_unreachable(subject, error, zone)
        else:
            self._note(subject, error, zone)

    def _note(self, subject: GapSubject, error: CloudError, zone: str | None = None) -> None:
        """A missing permission is no gap: it stays until a person acts, and the message names it."""
        if error.retry is RetryClass.DENIED:
            raise error
        self._gap(subject, error.code, f"{error.operation}: {error.message}", zone)

    def _note_unreachable(
        self, subject: GapSubject, error: EndpointUnreachable, zone: str | None = None
    ) -> None:
        self._gap(subject, UNREACHABLE, str(error), zone)

    def _gap(self, subject: GapSubject, code: str, detail: str, zone: str | None = None) -> None:
        self.gaps.append(Gap(subject=subject, zone=zone, code=code, detail=detail))
