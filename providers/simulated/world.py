"""The ground truth of one account in one region, and the only way to change it.

world.effect(cause, what_happens)     run something that changes the truth; then every listener is told
world.later(delay, what_happens)      the same, when that much virtual time has passed
world.truth                           the side door for tests: what is so, whatever any view shows
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from providers.simulated.chance import Chance, Range, drawn_time
from providers.simulated.changes import Cause, Change, ChangeLog
from providers.simulated.clock import VirtualClock
from providers.simulated.durations import Durations
from providers.simulated.layout import Layout
from providers.simulated.records import (
    Checks,
    Instance,
    Snapshot,
    Volume,
    VolumeStatus,
)
from providers.simulated.timelines import LONGEST_LAG, Collection

Listener = Callable[[Sequence[Change]], None]
Outcome = TypeVar("Outcome")


class Truth:
    """What is so, read-only. The mappings follow the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def instances(self) -> Mapping[str, Instance]:
        return self._world.instances.current

    @property
    def volumes(self) -> Mapping[str, Volume]:
        return self._world.volumes.current

    @property
    def snapshots(self) -> Mapping[str, Snapshot]:
        return self._world.snapshots.current

    @property
    def elsewhere(self) -> Mapping[str, Mapping[str, Snapshot]]:
        """The snapshots that were copied to other regions, by region."""
        return {region: found.current for region, found in self._world.elsewhere.items()}

    def copies_in(self, region: str) -> Mapping[str, Snapshot]:
        """The snapshots that were copied to another region."""
        return self._world.region(region).current

    @property
    def checks(self) -> Mapping[str, Checks]:
        return self._world.checks.current

    @property
    def volume_statuses(self) -> Mapping[str, VolumeStatus]:
        return self._world.volume_statuses.current

    @property
    def changes(self) -> Sequence[Change]:
        return self._world.log.changes


class World:
    """All resources with their recent versions, the log of changes, and who listens to it."""

    def __init__(
        self,
        *,
        clock: VirtualClock,
        chance: Chance,
        layout: Layout,
        durations: Durations,
    ) -> None:
        self.clock = clock
        self.chance = chance
        self.layout = layout
        self.durations = durations
        self.instances: Collection[Instance] = Collection()
        self.volumes: Collection[Volume] = Collection()
        self.snapshots: Collection[Snapshot] = Collection()
        self.elsewhere: dict[str, Collection[Snapshot]] = {}
        """Snapshots in other regions."""
        self.checks: Collection[Checks] = Collection()
        self.volume_statuses: Collection[VolumeStatus] = Collection()
        self.log = ChangeLog()
        self.truth = Truth(self)
        self.on_change: list[Listener] = []
        self.zone_states: dict[str, str] = dict.fromkeys(layout.zones, "available")
        self._cause: Cause = Cause.TIME
        self._minted = 0
        self._told = 0
        self._forget_regularly()

    # Time and effects.

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def draw(self, between: Range) -> timedelta:
        """A duration drawn from a range of seconds."""
        return drawn_time(self.chance, between)

    def effect(self, cause: Cause, happens: Callable[[], Outcome]) -> Outcome:
        """Run `happens`; whatever it changed was changed by `cause`. Listeners are told once, at its end."""
        outer, self._cause = self._cause, cause
        try:
            return happens()
        finally:
            self._cause = outer
            self._tell()

    def later(self, delay: timedelta, happens: Callable[[], None]) -> None:
        """Run `happens` when that much time has passed."""
        self.clock.after(delay, lambda: self.effect(Cause.TIME, happens))

    def mint(self, kind: str) -> str:
        """The next id of a kind: `i-`, `vol-`, `snap-` and so on, followed by 17 hex digits."""
        self._minted += 1
        return f"{kind}-{self._minted:017x}"

    # Changes.

    def put_instance(self, instance: Instance, what: str) -> Instance:
        """Make that the truth of the instance."""
        before = self.instances.put(instance, self.now)
        self._note(f"instance {what}", before, instance)
        return instance

    def put_volume(self, volume: Volume, what: str) -> Volume:
        """Make that the truth of the volume."""
        before = self.volumes.put(volume, self.now)
        self._note(what if what.startswith("attachment") else f"volume {what}", before, volume)
        return volume

    def put_snapshot(self, snapshot: Snapshot, what: str) -> Snapshot:
        """Make that the truth of the snapshot."""
        before = self.snapshots.put(snapshot, self.now)
        self._note(f"snapshot {what}", before, snapshot)
        return snapshot

    def region(self, name: str) -> Collection[Snapshot]:
        """What is in another region."""
        return self.elsewhere.setdefault(name, Collection())

    def put_copy(self, region: str, copy: Snapshot, what: str) -> None:
        """Make that the truth of the copy in that region."""
        before = self.region(region).put(copy, self.now)
        self._note(f"copy {what}", before, copy)

    def remove_copy(self, region: str, identifier: str) -> None:
        """The copy is no more."""
        before = self.region(region).remove(identifier, self.now)
        self._note("copy deleted", before, None)

    def put_checks(self, checks: Checks) -> None:
        """Publish those status checks, if they say anything new."""
        if self.checks.current.get(checks.instance_id) != checks:
            before = self.checks.put(checks, self.now)
            self._note("checks", before, checks)

    def put_volume_status(self, status: VolumeStatus) -> None:
        """Publish that status, if it says anything new."""
        if self.volume_statuses.current.get(status.volume_id) != status:
            before = self.volume_statuses.put(status, self.now)
            self._note("volume status", before, status)

    def remove_instance(self, identifier: str) -> None:
        """The instance is no longer listed."""
        before = self.instances.remove(identifier, self.now)
        self._note("instance forgotten", before, None)
        if identifier in self.checks.current:
            self.checks.remove(identifier, self.now)

    def remove_volume(self, identifier: str) -> None:
        """The volume is no more."""
        before = self.volumes.remove(identifier, self.now)
        self._note("volume deleted", before, None)
        if identifier in self.volume_statuses.current:
            self.volume_statuses.remove(identifier, self.now)

    def remove_snapshot(self, identifier: str) -> None:
        """The snapshot is no more."""
        before = self.snapshots.remove(identifier, self.now)
        self._note("snapshot deleted", before, None)

    def retag(self, identifier: str, tags: Mapping[str, str]) -> bool:
        """Replace the tags of whatever has that id; False when nothing has it."""
        instance = self.instances.current.get(identifier)
        volume = self.volumes.current.get(identifier)
        snapshot = self.snapshots.current.get(identifier)
        if instance is not None:
            self.put_instance(replace(instance, tags=dict(tags)), "tags")
        elif volume is not None:
            self.put_volume(replace(volume, tags=dict(tags)), "tags")
        elif snapshot is not None:
            self.put_snapshot(replace(snapshot, tags=dict(tags)), "tags")
        return instance is not None or volume is not None or snapshot is not None

    def tags_of(self, identifier: str) -> Mapping[str, str] | None:
        """The tags of whatever has that id; None when nothing has it."""
        for collection in (self.instances, self.volumes, self.snapshots):
            record = collection.current.get(identifier)
            if record is not None:
                return record.tags
        return None

    def _note(
        self,
        what: str,
        before: Instance | Volume | Snapshot | Checks | VolumeStatus | None,
        after: Instance | Volume | Snapshot | Checks | VolumeStatus | None,
    ) -> None:
        self.log.note(at=self.now, cause=self._cause, what=what, before=before, after=after)

    def _tell(self) -> None:
        if self._told == len(self.log):
            return
        news = self.log.since(self._told)
        self._told = len(self.log)
        for listener in self.on_change:
            listener(news)

    def _forget_regularly(self) -> None:
        """Old versions are dropped, so that a simulated month fits into memory."""
        for collection in (self.instances, self.volumes, self.snapshots, self.checks):
            collection.forget(self.now)
        self.volume_statuses.forget(self.now)
        for copies in self.elsewhere.values():
            copies.forget(self.now)
        self.clock.after(LONGEST_LAG, self._forget_regularly)
