"""Faults as data: what goes wrong, and when, where, in which operation and how often.

`key` is the fault's number in the fault model of the reliability reference. `When` switches a fault on.

Of calls:      F4 to F10, F13, F15 to F17      asked about by the gate, for each call
Of views:      F11, F12, F14                   asked about by the views, for each read
Of lifecycles: F17 to F19                      asked about by each lifecycle, for each resource
Of the world:  F20, F21, F24                   done to it when their time comes (`disasters`)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Counted from the beginning of virtual time; `until` None is for ever. None stands for all zones or operations.

    `share` of the occasions are hit, `most` of them at most. `calls` names single calls by their number.
    """

    since: timedelta = timedelta()
    until: timedelta | None = None
    zones: frozenset[str] | None = None
    operations: frozenset[str] | None = None
    share: float = 1.0
    most: int | None = None
    calls: frozenset[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What all faults have."""

    key: ClassVar[str] = ""
    when: When = field(default_factory=When)


# Calls.


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLost(Fault):
    """The request never arrives. Without `connected` the caller knows that; else it looks like a lost answer.

    A connection that breaks is told at once; calls that take as long as a time-out are those of a brownout.
    """

    key: ClassVar[str] = "F4"
    connected: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseLost(Fault):
    """It is carried out, and the answer never arrives."""

    key: ClassVar[str] = "F5"


class Copy(StrEnum):
    """Where the second arrival of a request lies."""

    OVERTAKEN = "overtaken"
    """The request itself is held up; its copy is carried out and answered, and the request comes after it."""
    AT_ONCE = "at-once"
    """Right behind it; the caller gets the answer to the second."""
    AFTER_THE_ANSWER = "after-the-answer"
    """The caller has the answer to the first when the second is carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRepeated(Fault):
    """It arrives twice. What comes last comes `delay` later; a copy that comes at once knows no delay.

    What was refused once does not take effect later (TRUSTED.md, G7).
    """

    key: ClassVar[str] = "F6"
    copy: Copy = Copy.AT_ONCE
    delay: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDelayed(Fault):
    """It is carried out that much later; the caller waits for an answer in vain."""

    key: ClassVar[str] = "F7"
    delay: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAfterEffect(Fault):
    """It is carried out, and the answer is a fault of the service."""

    key: ClassVar[str] = "F8"
    code: str = "InternalError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled(Fault):
    """Refused by a bucket that others have emptied."""

    key: ClassVar[str] = "F9"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brownout(Fault):
    """`when.share` of the calls fail, some before and some after their effect; all take `slower` times as long."""

    key: ClassVar[str] = "F10"
    slower: float = 100.0
    after_effect: float = 0.3
    """Share of the failures that come after the effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFoundForExisting(Fault):
    """A named id that exists is not found."""

    key: ClassVar[str] = "F13"


class PageTrouble(StrEnum):
    """What becomes of a later page."""

    FAILS = "fails"
    TOKEN_EXPIRES = "token-expires"  # noqa: S105 - a token of a page
    TOKEN_REPEATED = "token-repeated"  # noqa: S105 - a token of a page


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLost(Fault):
    """A later page of a list fails. EC2 may always give less than a full page, so pages hold `items` at most."""

    key: ClassVar[str] = "F15"
    trouble: PageTrouble = PageTrouble.FAILS
    items: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ListShort(Fault):
    """A list with status 200 and no further token that holds only this share of what is there."""

    key: ClassVar[str] = "F16"
    kept: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityShort(Fault):
    """InsufficientInstanceCapacity for launches and starts; of these types, or of all."""

    key: ClassVar[str] = "F17"
    types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaReached(Fault):
    """The account's limit refuses launches and volumes."""

    key: ClassVar[str] = "F17"
    code: str = "VcpuLimitExceeded"


# Views.


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleReads(Fault):
    """Each resource is shown as it was at some moment within `lag`, and never as older than it was shown before."""

    key: ClassVar[str] = "F11"
    lag: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadsGoBack(Fault):
    """As stale reads, but a view may be older than the one before it."""

    key: ClassVar[str] = "F12"
    lag: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionsMissed(Fault):
    """Views are taken once a `period`: what comes and goes in between is never seen."""

    key: ClassVar[str] = "F14"
    period: timedelta = timedelta(minutes=2)


# Lifecycles.


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchDies(Fault):
    """An accepted launch ends after `pending`."""

    key: ClassVar[str] = "F17"
    code: str = "Server.InternalError"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachStuck(Fault):
    """`attaching` until the fault is over."""

    key: ClassVar[str] = "F18"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachBusy(Fault):
    """`busy` until the instance stops, ends or reboots, or the detach is forced."""

    key: ClassVar[str] = "F18"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachStuck(Fault):
    """`detaching` until the fault is over, whatever becomes of the instance."""

    key: ClassVar[str] = "F18"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceClash(Fault):
    """The device name is taken by something that no list shows."""

    key: ClassVar[str] = "F18"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongDevice(Fault):
    """Another tool was a moment faster: the volume is on that instance already, under another device name."""

    key: ClassVar[str] = "F18"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotSlow(Fault):
    """Snapshots stay `pending` that much longer."""

    key: ClassVar[str] = "F19"
    longer: timedelta = timedelta(hours=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotFails(Fault):
    """Snapshots end in `error`."""

    key: ClassVar[str] = "F19"


# The world.


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumesSick(Fault):
    """At its beginning `when.share` of the attached volumes of its zones fall sick; at its end they are well again,
    but those that failed. `io` is one of records.Io.
    """

    key: ClassVar[str] = "F20"
    io: str = "stalled"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancesSick(Fault):
    """The same of running instances. `guest` is one of records.Guest."""

    key: ClassVar[str] = "F20"
    guest: str = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneDisrupted(Fault):
    """Lists without ids, and calls that name something in its zones, fail; nothing can be launched there.

    With `instances_down` what runs there is unreachable for everybody, else only its control plane is.
    `lists_by_zone` says whether a list that is filtered by other zones still works, which EC2 does not promise.
    """

    key: ClassVar[str] = "F21"
    instances_down: bool = True
    lists_by_zone: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonePartitioned(Fault):
    """What runs there goes on running and can't be reached by us."""

    key: ClassVar[str] = "F21"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSaturated(Fault):
    """Others keep that many calls outstanding in the region's control plane."""

    key: ClassVar[str] = "F21"
    others: int = 400


class Meddling(StrEnum):
    """What a person or another tool does behind the controller's back."""

    TERMINATE = "terminate"
    STOP = "stop"
    START = "start"
    ATTACH = "attach"
    DETACH = "detach"
    EDIT_TAGS = "edit-tags"
    REMOVE_TAGS = "remove-tags"
    DELETE_VOLUME = "delete-volume"
    DELETE_SNAPSHOT = "delete-snapshot"
    TAKE_SNAPSHOT = "take-snapshot"
    """Of that volume, with the volume's tags, as tools for backups may."""
    IMITATE_SNAPSHOT = "imitate-snapshot"
    """A snapshot of another volume gets the tags of that one."""
    RELABEL_SNAPSHOT = "relabel-snapshot"
    """That snapshot gets the tags of a snapshot of another volume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand(Fault):
    """Somebody does that once every `every` to one resource drawn from the fault's zones."""

    key: ClassVar[str] = "F24"
    what: Meddling = Meddling.TERMINATE
    every: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotsByHand(ByHand):
    """The same of snapshots."""

    key: ClassVar[str] = "F19"
    what: Meddling = Meddling.DELETE_SNAPSHOT
