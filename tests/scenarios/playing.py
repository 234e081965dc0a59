"""A shipped scenario replayed as `reconciler simulate` does it, and what is told of it by the truth.

story = played("zone-power-loss", fleets(web=16, git=4))
story.record      the record that reports are made of
story.calls       calls that were carried out and may have changed something, from the beginning of the trouble
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from desired_state.load import load, load_policy
from desired_state.model import DesiredState
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.gate import Call
from providers.simulated.records import Instance
from reconciler.planning.actions import Withheld
from reconciler.planning.identity import slot_of
from reconciler.simulation.account import PLATFORM
from reconciler.simulation.record import Band, Replayed
from reconciler.simulation.replaying import Run, prepared
from reconciler.simulation.scenario import load_scenario

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
A, B, C, D = "use1-az1", "use1-az2", "use1-az4", "use1-az6"
"""The zones of the platform by their roles."""
TAKES_OUT = frozenset(
    {
        "DetachVolume",
        "ModifyInstanceAttribute",
        "RebootInstances",
        "StopInstances",
        "TerminateInstances",
    }
)
"""What may take an instance out of service."""


def fleets(**replicas: int) -> DesiredState:
    """The fleets of the example platform, with so many slots each; every fourth slot is in zone A."""
    platform = load([PLATFORM])
    counts = {name.replace("_", "-"): count for name, count in replicas.items()}
    return replace(
        platform,
        fleets=tuple(
            replace(fleet, replicas=counts[fleet.name])
            for fleet in platform.fleets
            if fleet.name in counts
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A call that was let through to its effect, counted from the beginning of the trouble."""

    at: timedelta
    operation: str
    parameters: Mapping[str, Any]
    zones: frozenset[str]
    slots: frozenset[str]
    """Of the instances that it names."""
    serving: frozenset[str]
    """Those of them that served right before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What came of it. `homes` is the zone in which each slot was before the trouble."""

    record: Replayed
    calls: tuple[Made, ...]
    homes: Mapping[str, str]
    instances: Mapping[str, Instance]
    """The truth at the end, by id."""
    occupants: Mapping[str, tuple[str, ...]]
    """At the end, by slot, the ids of the instances that serve it."""
    withheld: tuple[Withheld, ...]
    """Of the plan that would be made at the end."""

    def made(self, *operations: str, since: timedelta = timedelta()) -> list[Made]:
        """The calls of these operations from then on."""
        return [call for call in self.calls if call.operation in operations and call.at >= since]

    def in_zone(self, zone: str, *fleets: str) -> frozenset[str]:
        """The slots of these fleets, or of all, that were in the zone."""
        return frozenset(
            slot
            for slot, home in self.homes.items()
            if home == zone and (not fleets or slot.partition("/")[0] in fleets)
        )

    def taken_out(self) -> frozenset[str]:
        """Slots of which an instance that served was taken out of service, or might have been."""
        return frozenset(slot for call in self.made(*TAKES_OUT) for slot in call.serving)

    @property
    def hit(self) -> frozenset[str]:
        """Slots that were down at any time."""
        return frozenset(item.slot for item in self.record.down)

    def back_by(self, slots: Iterable[str]) -> timedelta:
        """When the last of these slots was back for good."""
        wanted = set(slots)
        ends = [item.until for item in self.record.down if item.slot in wanted]
        return max(self.record.lasted if end is None else end for end in ends)

    def bands(self, what: str, *states: str) -> list[Band]:
        """When a place or a capability was in these states, or in any but its normal one."""
        return [
            item
            for item in self.record.bands
            if item.what == what and (not states or item.state in states)
        ]


def all_well(story: Story) -> bool:
    """Every slot is served by one instance, nothing that served or was the only copy was destroyed, and the controller
    never stopped because a plan of its own broke a rule.
    """
    record = story.record
    served = all(len(story.occupants.get(slot, ())) == 1 for slot in story.homes)
    return served and not record.destroyed and record.stopped is None


def busiest(calls: Iterable[Made], lasting: timedelta) -> int:
    """The most of these calls in any stretch of time as long."""
    moments = [call.at for call in calls]
    return max((sum(at <= other < at + lasting for other in moments) for at in moments), default=0)


def played(
    name: str,
    desired: DesiredState,
    *,
    lasts: timedelta | None = None,
    approves_after: timedelta | None = None,
) -> Story:
    """The scenario, cut off after `lasts`; each seed of chance is 1."""
    scenario = load_scenario(name)
    run = Run(
        scenario=scenario if lasts is None else replace(scenario, lasts=lasts),
        desired=desired,
        policy_name="default",
        policy=load_policy("default"),
        seed=1,
        saturation=True,
        approves_after=approves_after,
    )
    with prepared(run, lambda _at, _down: None) as replay:
        cloud = replay.guard.cloud
        notes = _Notes(cloud, scenario.begins_at)
        cloud.gate.before_effect.append(notes.before)
        cloud.gate.after_effect.append(notes.after)
        record = replay.replayed()
        cloud.gate.after_effect.remove(notes.after)
        return Story(
            record=record,
            calls=tuple(notes.calls),
            homes=notes.homes,
            instances=dict(cloud.truth.instances),
            occupants=_serving(cloud),
            withheld=replay.guard.look().plan.withheld,
        )


class _Notes:
    """Where everybody is, until the trouble begins; then what is done."""

    def __init__(self, cloud: SimulatedCloud, began: datetime) -> None:
        self.calls: list[Made] = []
        self.homes: dict[str, str] = {}
        self._cloud = cloud
        self._began = began
        self._named: list[Instance] = []
        self._serving: frozenset[str] = frozenset()

    def before(self, call: Call) -> None:
        """A hook of the gate."""
        instances = self._cloud.truth.instances.values()
        if self._at < timedelta():
            self.homes.update({_slot(item): item.zone for item in instances})
        elif call.mutating:
            self._named = [item for item in instances if _names(call, item)]
            serving = (item for item in self._named if self._cloud.prober.serves(item))
            self._serving = frozenset(map(_slot, serving))

    def after(self, call: Call) -> None:
        """A hook of the gate."""
        if call.mutating and self._at >= timedelta():
            made = Made(
                at=self._at,
                operation=call.operation,
                parameters=call.parameters,
                zones=call.zones or frozenset(),
                slots=frozenset(map(_slot, self._named)),
                serving=self._serving,
            )
            self.calls.append(made)

    @property
    def _at(self) -> timedelta:
        return self._cloud.clock.now() - self._began


def _serving(cloud: SimulatedCloud) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for item in cloud.truth.instances.values():
        if item.alive and cloud.prober.serves(item):
            found[_slot(item)] = (*found.get(_slot(item), ()), item.id)
    return found


def _slot(instance: Instance) -> str:
    return str(slot_of(instance.tags))


def _names(call: Call, instance: Instance) -> bool:
    """Whether the call is about that instance, or about a volume that is on it."""
    asked = call.parameters
    ids = {*asked.get("InstanceIds", ()), asked.get("InstanceId"), asked.get("VolumeId")}
    return instance.id in ids or any(item.volume_id in ids for item in instance.attachments)
