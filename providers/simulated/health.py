"""Whether instances and volumes are well, and when EC2 says so: status checks follow the truth minutes later."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from providers.simulated.records import (
    Checks,
    Guest,
    Instance,
    Io,
    ScheduledEvent,
    Volume,
    VolumeStatus,
)
from providers.simulated.world import World

CHECKED_EVERY = timedelta(minutes=5)
"""EBS's rhythm of status checks (aws-facts B1)."""
MIB_PER_GIB = 1024
NOT_RUNNING = "not-applicable"
NO_DATA = "insufficient-data"
FAILING_THE_INSTANCE_CHECK = (Guest.HUNG, Guest.MISJUDGED, Guest.UNREACHABLE)
"""The instance check fails too when the system check does (aws-facts B2)."""


class Health:
    """Makes resources sick and well, and publishes checks and statuses behind the truth."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._turns: dict[str, int] = {}
        self._unseen: frozenset[str] = frozenset()

    @property
    def unseen(self) -> frozenset[str]:
        """The zones of which the checks and statuses have no data."""
        return self._unseen

    @unseen.setter
    def unseen(self, zones: frozenset[str]) -> None:
        changed = zones ^ self._unseen
        self._unseen = zones
        for instance in list(self._world.instances.current.values()):
            if instance.zone in changed and instance.state == "running":
                self._publish(instance.id)
        for volume in list(self._world.volumes.current.values()):
            if volume.zone in changed:
                self._publish_volume(volume.id)

    # Instances.

    def started(self, instance_id: str) -> None:
        """It runs: the checks say `initializing` for some minutes."""
        self._world.put_checks(Checks(instance_id=instance_id))
        self._publish_later(instance_id, first=True)

    def not_running(self, instance_id: str) -> None:
        """It does not run: there is nothing to check."""
        self._next_turn(instance_id)
        self._world.put_checks(
            Checks(
                instance_id=instance_id,
                system=NOT_RUNNING,
                instance=NOT_RUNNING,
                attached_ebs=NOT_RUNNING,
            )
        )

    def look_again(self, instance_id: str) -> None:
        """Something about it has changed: the checks will show it."""
        self._publish_later(instance_id, first=False)

    def set_guest(self, instance_id: str, guest: Guest) -> None:
        """The instance is so from now on."""
        instance = self._world.instances.current[instance_id]
        if instance.guest is not guest:
            self._world.put_instance(replace(instance, guest=guest), f"guest {guest}")
            self.look_again(instance_id)

    def schedule(self, instance_id: str, event: ScheduledEvent) -> None:
        """EC2 announces maintenance of the instance; it shows in the checks at once."""
        checks = self._world.checks.current[instance_id]
        self._world.put_checks(replace(checks, events=(*checks.events, event)))

    # Volumes.

    def set_io(self, volume_id: str, io: Io) -> None:
        """The volume is so from now on."""
        volume = self._world.volumes.current[volume_id]
        if volume.io is io:
            return
        state = "error" if io is Io.FAILED else volume.state
        self._world.put_volume(replace(volume, io=io, state=state), f"io {io}")
        self._publish_volume_later(volume_id)
        if volume.attachment is not None:
            self.look_again(volume.attachment.instance_id)

    def watch_volume(self, volume_id: str) -> None:
        """A new volume: its status is known after a while."""
        self._world.put_volume_status(VolumeStatus(volume_id=volume_id))
        self._publish_volume_later(volume_id)

    def has_stuck_volume(self, instance: Instance) -> bool:
        """Whether any of its volumes takes no I/O."""
        volumes = self._world.volumes.current
        return any(
            volumes[item.volume_id].io in (Io.STALLED, Io.FAILED)
            for item in instance.attachments
            if item.volume_id in volumes
        )

    # What is published.

    def _publish_later(self, instance_id: str, *, first: bool) -> None:
        turn = self._next_turn(instance_id)
        durations = self._world.durations
        delay = self._world.draw(durations.first_checks_s if first else durations.check_lag_s)

        def publish() -> None:
            if self._turns[instance_id] == turn:
                self._publish(instance_id)

        self._world.later(delay, publish)

    def _next_turn(self, instance_id: str) -> int:
        turn = self._turns.get(instance_id, 0) + 1
        self._turns[instance_id] = turn
        return turn

    def _publish(self, instance_id: str) -> None:
        instance = self._world.instances.current.get(instance_id)
        before = self._world.checks.current.get(instance_id)
        if instance is None or before is None or instance.state != "running":
            return
        if instance.zone in self._unseen:
            self._world.put_checks(_without_data(before))
            return
        if instance.guest is Guest.OFFLINE:
            return  # They wait for its network.
        unreachable = instance.guest is Guest.UNREACHABLE
        stuck = self.has_stuck_volume(instance)
        checks = Checks(
            instance_id=instance_id,
            system=_word(bad=unreachable),
            instance=_word(bad=instance.guest in FAILING_THE_INSTANCE_CHECK),
            attached_ebs=_word(bad=stuck),
            events=before.events,
        )
        if "impaired" in (checks.system, checks.instance, checks.attached_ebs):
            checks = replace(checks, failing_since=before.failing_since or self._world.now)
        self._world.put_checks(checks)

    def _publish_volume_later(self, volume_id: str) -> None:
        delay = self._world.draw(self._world.durations.volume_status_lag_s)
        self._world.later(delay, lambda: self._publish_volume(volume_id))

    def _publish_volume(self, volume_id: str) -> None:
        volume = self._world.volumes.current.get(volume_id)
        if volume is None:
            return
        if volume.zone in self._unseen:
            self._world.put_volume_status(VolumeStatus(volume_id=volume_id))
            return
        filled = self._filled_percent(volume)
        filling = filled is not None and filled < 100
        io = Io.SLOW if filling and volume.io is Io.NORMAL else volume.io
        status, enabled, performance = _VOLUME_STATUS[io]
        self._world.put_volume_status(
            VolumeStatus(
                volume_id=volume_id,
                status=status,
                io_enabled=enabled,
                io_performance=performance,
                initialized_percent=filled,
            )
        )
        if filling:
            self._world.later(CHECKED_EVERY, lambda: self._publish_volume(volume_id))

    def _filled_percent(self, volume: Volume) -> int | None:
        """None of a volume that was made empty, or from an image."""
        if volume.data.lineage == volume.id:
            return None
        age_s = (self._world.now - volume.created_at).total_seconds()
        takes_s = volume.size_gib * MIB_PER_GIB / self._world.durations.fill_mib_s
        return min(100, int(100 * age_s / takes_s))


def _without_data(checks: Checks) -> Checks:
    return replace(
        checks, system=NO_DATA, instance=NO_DATA, attached_ebs=NO_DATA, failing_since=None
    )


def _word(*, bad: bool) -> str:
    return "impaired" if bad else "ok"


_VOLUME_STATUS = {
    Io.NORMAL: ("ok", "passed", "normal"),
    Io.SLOW: ("warning", "passed", "degraded"),
    Io.STALLED: ("impaired", "passed", "stalled"),
    Io.DISABLED: ("impaired", "failed", "not-applicable"),
    # The state `error` is invisible here (aws-facts B1).
    Io.FAILED: ("ok", "passed", "normal"),
}
"""Summary, io-enabled, io-performance."""
