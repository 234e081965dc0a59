"""Faults that outages are made of; scenarios are written with them, beside those of `faults`.

Of calls:      F21              `gate` asks, for each call
Of lifecycles: F17              `lifecycle` and `gate` ask, for each launch; the prober for each look
Of the world:  F20, F22         done to it over time (`cohorts`, `flapping`, `health`)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from providers.simulated.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckShare:
    """A point of a curve: at that time, counted as `When` counts, that share of the volumes is stuck."""

    at: timedelta
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumesStuck(Fault):
    """Volumes of its zones are stuck for as long as a curve says, attached or not: straight lines between its points.

    Which are hit is drawn once, when it begins, from the volumes that are attached then and, while there are any, from
    those that no other fault of this kind has hit; so is the order in which they come back. As many as the share `lost`
    of them are stuck to the end of the fault and then fail for ever. What is made later is not hit.

    All of it follows from `draw` and from the volumes' ids, and not from what was drawn for the calls before: so two
    policies that are compared meet the same outage.
    """

    key: ClassVar[str] = "F20"
    curve: tuple[StuckShare, ...]
    lost: float = 0.0
    draw: str = ""
    roots: bool = False
    """Root volumes too: their guests hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopsStuck(Fault):
    """An instance on which a volume is stuck doesn't get past `stopping`, forced or not, until either is well."""

    key: ClassVar[str] = "F20"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flapping(Fault):
    """Of its zones' running instances `when.share`, drawn anew each time, are sick for a while and then well again."""

    key: ClassVar[str] = "F20"
    guest: str = "unreachable"
    bad_for: timedelta = timedelta(minutes=4)
    good_for: timedelta = timedelta(minutes=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringOff(Fault):
    """CloudWatch has no data of its zones, and status checks and volume statuses there are `insufficient-data`."""

    key: ClassVar[str] = "F22"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsOff(Fault):
    """These operations are switched off: a call that names something in its zones is refused, or gets no answer.

    One without an answer is held, and takes room in the control plane for as long as the plane itself waits.
    A call that names nothing in a zone goes through.
    """

    key: ClassVar[str] = "F21"
    times_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkLate(Fault):
    """A launch runs, and its network is set up that much later, at the latest when the fault is over.

    Until then nobody reaches it. `guest` is one of records.Guest: `offline`, whose checks stay at `initializing`, or
    `unreachable`, whose checks fail.
    """

    key: ClassVar[str] = "F17"
    least: timedelta = timedelta(minutes=5)
    most: timedelta = timedelta(hours=1)
    guest: str = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageUnknown(Fault):
    """Nobody has these images: launches of them are refused."""

    key: ClassVar[str] = "F17"
    images: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSilent(Fault):
    """Instances of these images, or with this user data, run well, and their service never answers."""

    key: ClassVar[str] = "F17"
    images: frozenset[str] = frozenset()
    user_data: frozenset[str] = frozenset()
