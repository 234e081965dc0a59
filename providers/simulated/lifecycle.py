"""What instances do over time: pending, running, stopping, stopped, shutting-down, terminated, forgotten.

Each transition looks whether the instance is still where it began: whatever came in between has made it void.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from providers.simulated.attachments import Attachments, written_until
from providers.simulated.chance import Range, drawn_time
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import LaunchDies
from providers.simulated.health import Health
from providers.simulated.outages import NetworkLate, StopsStuck
from providers.simulated.records import Guest, Instance
from providers.simulated.refusals import incorrect_instance_state
from providers.simulated.world import World

USER_INITIATED = (
    "Client.UserInitiatedShutdown",
    "Client.UserInitiatedShutdown: User initiated shutdown",
)

LOOK_AGAIN_S = (60.0, 60.0)
"""How often a stop that hangs looks whether what holds it is over."""


class Lifecycle:
    """Moves instances from state to state."""

    def __init__(
        self, world: World, attachments: Attachments, health: Health, faults: FaultPlan
    ) -> None:
        self._world = world
        self._attachments = attachments
        self._health = health
        self._faults = faults
        self._turns: dict[str, int] = {}
        self._hanging: dict[str, bool] = {}
        """Whether a stop was drawn to hang, by the instance."""

    def begin(self, instance: Instance) -> None:
        """A launch was accepted, or a start: `pending`, and then it runs or dies."""
        self._health.not_running(instance.id)
        if dies := self._faults.strikes(LaunchDies, "lifecycle: launch", zones={instance.zone}):
            code = dies.code
            self._later_if_unchanged(instance, "pending", lambda now: self._died(now, code))
        else:
            self._later_if_unchanged(instance, "pending", self._running)

    def start(self, instance: Instance) -> None:
        """Start a stopped instance; one that runs already stays as it is. Raises Refused."""
        if instance.state in ("running", "pending"):
            return
        if instance.state != "stopped":
            raise incorrect_instance_state(
                f"The instance '{instance.id}' is not in a state from which it can be started."
            )
        started = replace(
            instance, state="pending", state_reason=None, transition_reason="", guest=Guest.WELL
        )
        self.begin(self._world.put_instance(started, "pending"))

    def stop(self, instance: Instance, *, skip_os_shutdown: bool = False) -> None:
        """Stop a running instance; one that is stopped already stays as it is. Raises Refused."""
        if instance.state == "stopped" or (instance.state == "stopping" and not skip_os_shutdown):
            return
        if instance.state not in ("running", "stopping"):
            raise incorrect_instance_state(
                f"The instance '{instance.id}' is not in a state from which it can be stopped."
            )
        stopping = self._ending(instance, "stopping")
        durations = self._world.durations
        hangs = instance.guest in (Guest.HUNG, Guest.UNREACHABLE)
        takes = durations.hung_stop_s if hangs else durations.stopping_s
        self._later_if_unchanged(
            stopping,
            "stopping",
            self._stopped,
            takes=durations.forced_stop_s if skip_os_shutdown else takes,
        )

    def reboot(self, instance: Instance) -> None:
        """Reboot a running instance. Raises Refused."""
        if instance.state not in ("running", "pending"):
            raise incorrect_instance_state(f"The instance '{instance.id}' is not 'running'.")
        cured = instance.guest not in (Guest.UNREACHABLE, Guest.OFFLINE)
        rebooted = replace(
            instance,
            guest=Guest.WELL if cured else instance.guest,
            running_since=self._world.now if instance.running_since else None,
        )
        self._attachments.let_go(self._world.put_instance(rebooted, "rebooted"))
        self._health.look_again(instance.id)

    def terminate(self, instance: Instance) -> None:
        """End an instance; one that has ended already stays as it is."""
        if not instance.alive:
            return
        durations = self._world.durations
        was_stopped = instance.state == "stopped"
        takes = durations.stopped_ends_s if was_stopped else durations.shutting_down_s
        ending = self._ending(instance, "shutting-down")
        self._later_if_unchanged(ending, "shutting-down", self._terminated, takes=takes)

    # What follows by itself.

    def _running(self, instance: Instance) -> None:
        self._world.put_instance(
            replace(instance, state="running", running_since=self._world.now), "running"
        )
        self._attachments.attached_at_launch(instance.id)
        self._health.started(instance.id)
        self._wait_for_network(instance)

    def _wait_for_network(self, instance: Instance) -> None:
        late = self._faults.strikes(NetworkLate, "lifecycle: network", zones={instance.zone})
        if late is None:
            return
        guest = Guest(late.guest)
        self._health.set_guest(instance.id, guest)
        between = (late.least.total_seconds(), late.most.total_seconds())
        delay = drawn_time(self._world.chance, between)
        if late.when.until is not None:
            delay = min(delay, late.when.until - self._world.clock.elapsed)

        def is_there() -> None:
            current = self._world.instances.current.get(instance.id)
            if current is not None and current.guest is guest:
                self._health.set_guest(instance.id, Guest.WELL)

        self._world.later(delay, is_there)

    def _died(self, instance: Instance, code: str) -> None:
        self._terminated(replace(instance, state_reason=(code, f"{code}: died on launch")))

    def _stopped(self, instance: Instance) -> None:
        if self._hangs_on_a_volume(instance):
            self._later_if_unchanged(instance, "stopping", self._stopped, takes=LOOK_AGAIN_S)
            return
        stopped = self._written_down(replace(instance, state="stopped", running_since=None))
        self._world.put_instance(stopped, "stopped")
        self._attachments.let_go(stopped)
        self._health.not_running(instance.id)

    def _terminated(self, instance: Instance) -> None:
        before = self._written_down(instance)
        ended = replace(
            before, state="terminated", private_ip=None, running_since=None, attachments=()
        )
        self._world.put_instance(ended, "terminated")
        self._attachments.release(before)
        self._health.not_running(instance.id)
        self._world.later(
            self._world.draw(self._world.durations.terminated_shown_s),
            lambda: self._world.remove_instance(instance.id),
        )

    def _hangs_on_a_volume(self, instance: Instance) -> bool:
        if not self._faults.on(StopsStuck) or not self._health.has_stuck_volume(instance):
            return False
        if instance.id not in self._hanging:
            struck = self._faults.strikes(StopsStuck, "lifecycle: stop", zones={instance.zone})
            self._hanging[instance.id] = struck is not None
        return self._hanging[instance.id]

    # Small steps.

    def _ending(self, instance: Instance, state: str) -> Instance:
        at = f"{self._world.now:%Y-%m-%d %H:%M:%S}"
        ending = replace(
            self._written_down(instance),
            state=state,
            state_reason=USER_INITIATED,
            transition_reason=f"User initiated ({at} GMT)",
        )
        return self._world.put_instance(ending, state)

    def _written_down(self, instance: Instance) -> Instance:
        """What it wrote until now is on its volumes."""
        for attachment in instance.attachments:
            volume = self._world.volumes.current.get(attachment.volume_id)
            if volume is None:
                continue
            until = written_until(self._world, volume)
            if until != volume.data.written_until:
                data = replace(volume.data, written_until=until)
                self._world.put_volume(replace(volume, data=data), "written")
        return instance

    def _later_if_unchanged(
        self,
        instance: Instance,
        state: str,
        then: Callable[[Instance], None],
        *,
        takes: Range | None = None,
    ) -> None:
        """`then`, when its time has come and if the instance is still in the state that it began now."""
        delay = self._world.draw(takes or self._world.durations.pending_s)
        self._turns[instance.id] = turn = self._turns.get(instance.id, 0) + 1

        def go_on() -> None:
            current = self._world.instances.current.get(instance.id)
            if current is not None and current.state == state and self._turns[instance.id] == turn:
                then(current)

        self._world.later(delay, go_on)
