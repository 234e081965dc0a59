"""One list of a cell: whole; or, while the service fails it as a whole, of the zones that answer.

everything     one call, as always; what it leaves out is asked again now and then
  find_out     after a fault: which zones answer, as far as there are calls to spare
  like_others  or, where another list knows that already, just those
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from providers.ec2.calls import LostPage
from providers.ec2.failures import CONNECTION_CLOSED, READ_TIMEOUT, UNREADABLE_REPLY
from providers.ec2.lists import PAGE
from providers.ec2.zones_left_out import Failure, ZonesLeftOut
from providers.errors import CloudError, EndpointUnreachable, RetryClass
from providers.observed import GapSubject, Zone
from providers.spare_calls import SpareCalls

Item = TypeVar("Item")
Read = Callable[[Mapping[str, Any]], dict[str, Item]]
Filters = list[dict[str, Any]]

_ANSWER_LOST = (READ_TIMEOUT, CONNECTION_CLOSED, UNREADABLE_REPLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingByZone(Generic[Item]):
    """Reads one list once. `note` is told what could not be read, and in which zone; it may raise.

    Without `zones`, nothing is known of zones, and the list is read whole or not at all.
    """

    subject: GapSubject
    read: Read[Item]
    filters: Filters
    zones: Mapping[str, Zone]
    left_out: ZonesLeftOut
    spare: SpareCalls
    now: datetime
    note: Callable[[Failure, str | None], None]

    def everything(self) -> dict[str, Item]:
        """The whole list; or what zones give that can still be read."""
        left_out = self.left_out.of(self.subject, self.zones)
        try:
            found = self._ask(self.zones.keys() - left_out.because.keys())
        except EndpointUnreachable as unreachable:
            self.note(unreachable, None)
            return {}
        except CloudError as error:
            if not self.zones or not _fault_of_service(error):
                self.note(error, None)
                return {}
            self.left_out.forget(self.subject)
            if self.left_out.like_others(self.subject, error):
                return self._like_others(error)
            return self._find_out(error)
        for zone_id in left_out.due(self.now):
            if self.spare.spend():
                found |= self._ask_again(zone_id)
        self._note_left_out()
        return found

    def _find_out(self, whole: Failure) -> dict[str, Item]:
        """What each zone gives. Those that answer are asked for from now on; with none it is the whole list again."""
        found: dict[str, Item] = {}
        silent: dict[str, tuple[Failure, datetime | None]] = {}
        for zone_id in sorted(self.zones):
            if not self.spare.spend():
                silent[zone_id] = (whole, None)
                continue
            try:
                found |= self._ask({zone_id})
            except (CloudError, EndpointUnreachable) as error:
                silent[zone_id] = (error, self.now)
        if len(silent) == len(self.zones):
            self.note(whole, None)
            return {}
        left_out = self.left_out.of(self.subject, self.zones)
        for zone_id, (why, asked_at) in silent.items():
            left_out.put(zone_id, why, asked_at)
        self._note_left_out()
        return found

    def _like_others(self, whole: Failure) -> dict[str, Item]:
        """Where there is no call to spare, the next look begins with those zones."""
        left_out = self.left_out.of(self.subject, self.zones)
        answering = self.zones.keys() - left_out.because.keys()
        if not left_out.because or not self.spare.spend():
            self.note(whole, None)
            return {}
        try:
            found = self._ask(answering)
        except (CloudError, EndpointUnreachable) as error:
            self.left_out.forget(self.subject)
            self.note(error, None)
            return {}
        self._note_left_out()
        return found

    def _ask_again(self, zone_id: str) -> dict[str, Item]:
        left_out = self.left_out.of(self.subject, self.zones)
        try:
            found = self._ask({zone_id})
        except (CloudError, EndpointUnreachable) as error:
            left_out.put(zone_id, error, self.now)
            return {}
        left_out.take_back(zone_id)
        self.left_out.answered(zone_id)
        return found

    def _ask(self, zone_ids: Iterable[str]) -> dict[str, Item]:
        """One list of these zones, without a filter when it is of all. Raises as `read`."""
        asked = sorted(zone_ids)
        filters = self.filters
        if len(asked) < len(self.zones):
            names = [self.zones[zone_id].name for zone_id in asked]
            filters = [*filters, {"Name": "availability-zone", "Values": names}]
        return self.read({**PAGE, **_filtered(filters)})

    def _note_left_out(self) -> None:
        left_out = self.left_out.of(self.subject, self.zones)
        for zone_id, error in sorted(left_out.because.items()):
            self.note(error, zone_id)


def _filtered(filters: Filters) -> dict[str, Any]:
    """EC2 refuses an empty list of filters."""
    return {"Filters": filters} if filters else {}


def _fault_of_service(error: CloudError) -> bool:
    """An answered fault of the first page. More calls after a lost answer or page would only add to the trouble."""
    return (
        error.retry is RetryClass.TRANSIENT
        and not isinstance(error, LostPage)
        and error.code not in _ANSWER_LOST
    )
