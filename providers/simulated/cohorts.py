"""Volumes that are stuck together: as many at each moment as a curve says, and always the same ones.

A cohort knows its members by when they fall sick and by when they come back; both orders are drawn once. The moments
at which one falls sick or comes back are computed from the curve, so nothing looks at the clock in between.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import pairwise

from providers.simulated.attachments import device_is_root
from providers.simulated.changes import Cause
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.health import Health
from providers.simulated.outages import StuckShare, VolumesStuck
from providers.simulated.records import Io, Volume
from providers.simulated.world import World


class Cohorts:
    """Begins and ends the cohorts of all faults."""

    def __init__(self, world: World, faults: FaultPlan, health: Health) -> None:
        self._world = world
        self._faults = faults
        self._health = health
        self._hit: set[str] = set()
        """Volumes of any cohort so far."""
        self._cohorts: list[tuple[VolumesStuck, _Cohort]] = []

    def begin(self, fault: VolumesStuck) -> None:
        """Draw who is hit, and put down what happens to them and when."""
        cohort = self._cohort(fault)
        self._cohorts.append((fault, cohort))
        for at, count in cohort.changes(fault.curve):
            delay = at - self._world.clock.elapsed
            self._world.clock.after(delay, partial(self._bring, fault, cohort, count))

    def end(self, fault: VolumesStuck) -> None:
        """Who is lost fails now; the others are well."""
        ended = [cohort for other, cohort in self._cohorts if other is fault]
        self._cohorts = [item for item in self._cohorts if item[0] is not fault]
        for cohort in ended:
            for volume_id in cohort.brought_to(0):
                self._set(volume_id, Io.NORMAL)
            for volume_id in cohort.lost:
                self._set(volume_id, Io.FAILED)

    def _cohort(self, fault: VolumesStuck) -> _Cohort:
        within = [
            item.id for item in self._world.volumes.current.values() if self._is_in(item, fault)
        ]
        within.sort(key=lambda key: (key in self._hit, _drawn(fault.draw, "falls", key)))
        fraction = _drawn(fault.draw, "fraction")
        most = _count(max(point.share for point in fault.curve), len(within), fraction)
        members = within[:most]
        self._hit.update(members)
        return _Cohort(
            population=len(within),
            fraction=fraction,
            members=members,
            coming_back=sorted(members, key=partial(_drawn, fault.draw, "heals")),
            lost=_count(fault.lost, len(within), fraction),
        )

    def _is_in(self, volume: Volume, fault: VolumesStuck) -> bool:
        elsewhere = fault.when.zones is not None and volume.zone not in fault.when.zones
        if elsewhere or volume.attachment is None or volume.state != "in-use":
            return False
        holder = self._world.instances.current.get(volume.attachment.instance_id)
        return holder is not None and (fault.roots or not device_is_root(holder, volume.attachment))

    def _bring(self, fault: VolumesStuck, cohort: _Cohort, count: int) -> None:
        if not self._faults.is_on(fault):
            return

        def change() -> None:
            for volume_id in cohort.brought_to(count):
                stuck = volume_id in cohort.stuck
                self._set(volume_id, Io.STALLED if stuck else Io.NORMAL)
                if stuck:
                    self._faults.count(fault, "world")

        self._world.effect(Cause.FAULT, change)

    def _set(self, volume_id: str, io: Io) -> None:
        """What was deleted meanwhile, or has failed for another reason, stays as it is."""
        volume = self._world.volumes.current.get(volume_id)
        if volume is not None and volume.io is not Io.FAILED and volume.state != "deleting":
            self._health.set_io(volume_id, io)


class _Cohort:
    """`lost` of the members, the last in the order of coming back, never do."""

    def __init__(
        self,
        *,
        population: int,
        fraction: float,
        members: Sequence[str],
        coming_back: Sequence[str],
        lost: int,
    ) -> None:
        self._population = population
        self._fraction = fraction
        self._members = members
        kept = len(coming_back) - min(lost, len(coming_back))
        self._coming_back = coming_back[:kept]
        self.lost = coming_back[kept:]
        self.stuck: set[str] = set()

    def changes(self, curve: Sequence[StuckShare]) -> Iterator[tuple[timedelta, int]]:
        """When the number of stuck volumes changes, and to what."""
        yield curve[0].at, self._count(curve[0].share)
        for before, after in pairwise(curve):
            first, last = self._count(before.share), self._count(after.share)
            rising = last > first
            for count in range(first + 1, last + 1) if rising else range(first - 1, last - 1, -1):
                # It is this many from the share on at which the fraction fills up, or until the one above does.
                share = ((count if rising else count + 1) - self._fraction) / self._population
                way = (share - before.share) / (after.share - before.share)
                yield before.at + (after.at - before.at) * min(1.0, max(0.0, way)), count

    def brought_to(self, count: int) -> list[str]:
        """Who falls sick or comes back, so that that many are stuck; the lost ones stay."""
        changed = []
        while len(self.stuck) < count and (falls := self._next_to_fall()):
            self.stuck.add(falls)
            changed.append(falls)
        while len(self.stuck) > count and (heals := self._next_to_heal()):
            self.stuck.remove(heals)
            changed.append(heals)
        return changed

    def _next_to_fall(self) -> str | None:
        return next((key for key in self._members if key not in self.stuck), None)

    def _next_to_heal(self) -> str | None:
        return next((key for key in self._coming_back if key in self.stuck), None)

    def _count(self, share: float) -> int:
        return _count(share, self._population, self._fraction)


def _count(share: float, population: int, fraction: float) -> int:
    """A share of a whole as a number: its fraction is filled up by a draw, so that it is right on average."""
    return min(population, math.floor(share * population + fraction + 1e-9))


def _drawn(*words: str) -> float:
    """A number from 0 up to, without, 1, that follows from the words."""
    digest = hashlib.blake2b("\0".join(words).encode(), digest_size=7).digest()
    return int.from_bytes(digest) / 2**56
