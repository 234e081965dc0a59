"""EC2's token buckets: requests by group of operations, and instances touched (TRUSTED.md, part F)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from providers.simulated.clock import VirtualClock
from providers.simulated.refusals import throttled


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A bucket's size and what flows into it."""

    size: float
    per_second: float


READS = Rate(size=100, per_second=20)
UNFILTERED_READS = Rate(size=50, per_second=10)
MUTATIONS = Rate(size=50, per_second=5)
WRITES_100_5 = Rate(size=100, per_second=5)

REQUESTS: Mapping[str, Rate] = {
    "RunInstances": Rate(size=5, per_second=2),
    "StartInstances": Rate(size=5, per_second=2),
    "TerminateInstances": WRITES_100_5,
    "CreateVolume": WRITES_100_5,
    "DeleteVolume": WRITES_100_5,
    "CreateSnapshot": WRITES_100_5,
    "CreateSnapshots": WRITES_100_5,
    "DeleteSnapshot": WRITES_100_5,
    "CreateTags": Rate(size=100, per_second=10),
    "DeleteTags": Rate(size=100, per_second=10),
}
"""By operation; the others are in the groups above."""

RESOURCES: Mapping[str, Rate] = {
    "RunInstances": Rate(size=1000, per_second=2),
    "StartInstances": Rate(size=1000, per_second=2),
    "StopInstances": Rate(size=1000, per_second=20),
    "TerminateInstances": Rate(size=1000, per_second=20),
}
"""Instances by operation."""

BIG_LISTS = frozenset(
    {"DescribeInstances", "DescribeInstanceStatus", "DescribeVolumes", "DescribeSnapshots"}
)
"""Their unfiltered and unpaginated calls have a smaller bucket."""


class Throttling:
    """The buckets of one account in one region, all full at the beginning."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take_request(self, operation: str, *, unbounded_list: bool) -> None:
        """Pay for one call. Raises Refused when the bucket is empty."""
        name, rate = _request_bucket(operation, unbounded_list=unbounded_list)
        self._take(f"requests of {name}", rate, 1)

    def take_resources(self, operation: str, count: int) -> None:
        """Pay for the instances that a call touches. Raises Refused when there is too little."""
        if (rate := RESOURCES.get(operation)) is not None:
            self._take(f"resources of {operation}", rate, count)

    def drain(self, operation: str) -> None:
        """Others have used up the bucket of that operation."""
        name, rate = _request_bucket(operation, unbounded_list=False)
        self._bucket(f"requests of {name}", rate).drain(self._clock.monotonic_s())

    def _take(self, name: str, rate: Rate, count: float) -> None:
        if not self._bucket(name, rate).take(count, self._clock.monotonic_s()):
            raise throttled()

    def _bucket(self, name: str, rate: Rate) -> _Bucket:
        if name not in self._buckets:
            self._buckets[name] = _Bucket(rate, self._clock.monotonic_s())
        return self._buckets[name]


class _Bucket:
    def __init__(self, rate: Rate, now_s: float) -> None:
        self._rate = rate
        self._level = rate.size
        self._filled_at_s = now_s

    def take(self, count: float, now_s: float) -> bool:
        self._fill(now_s)
        if self._level < count:
            return False
        self._level -= count
        return True

    def drain(self, now_s: float) -> None:
        self._fill(now_s)
        self._level = 0.0

    def _fill(self, now_s: float) -> None:
        gained = (now_s - self._filled_at_s) * self._rate.per_second
        self._level = min(self._rate.size, self._level + gained)
        self._filled_at_s = now_s


def _request_bucket(operation: str, *, unbounded_list: bool) -> tuple[str, Rate]:
    if operation in REQUESTS:
        return operation, REQUESTS[operation]
    if operation.startswith(("Describe", "Get", "List")):
        unbounded = unbounded_list and operation in BIG_LISTS
        return ("unfiltered lists", UNFILTERED_READS) if unbounded else ("reads", READS)
    return "mutations", MUTATIONS
