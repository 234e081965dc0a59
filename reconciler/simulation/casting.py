"""What a scenario is played against: its zones, a desired state of another size, and one that was changed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from desired_state.model import DesiredState, Fleet, UserData
from reconciler.simulation.scenario import ROLES, DeclaredChange

LARGEST, LARGEST_STATELESS = "largest", "largest-stateless"


class NoSuchFleetError(Exception):
    """The scenario changes a fleet that is not declared."""


def zone_roles(desired: DesiredState) -> Mapping[str, str]:
    """Role to zone, as it is declared: A is the zone with most slots, and so on down.

    Slots are counted evenly over the zones of their fleet; of zones with as many the one first declared comes first.
    """
    slots: Counter[str] = Counter()
    for fleet in desired.fleets:
        zones = fleet.placement.zones
        for index, zone in enumerate(zones):
            slots[zone] += fleet.replicas // len(zones) + (index < fleet.replicas % len(zones))
    return dict(zip(ROLES, (zone for zone, _ in slots.most_common()), strict=False))


def scaled(desired: DesiredState, slots: int) -> DesiredState:
    """The same fleets with that many slots in all, in the same proportions; each fleet keeps at least one.

    What is left over by rounding down goes to the fleets that lost most by it, the larger one first.
    """
    fleets = desired.fleets
    least = [1] * len(fleets)
    if slots < len(fleets):
        return _with_replicas(desired, least)
    whole = sum(fleet.replicas for fleet in fleets)
    exact = [fleet.replicas * slots / whole for fleet in fleets]
    counts = [max(1, int(share)) for share in exact]
    by_loss = sorted(
        range(len(fleets)),
        key=lambda i: (counts[i] - exact[i], -fleets[i].replicas, fleets[i].name),
    )
    over = slots - sum(counts)
    for index in by_loss[: max(0, over)]:
        counts[index] += 1
    while over < 0:
        largest = max(range(len(fleets)), key=lambda i: counts[i])
        counts[largest] -= 1
        over += 1
    return _with_replicas(desired, counts)


def _with_replicas(desired: DesiredState, counts: Sequence[int]) -> DesiredState:
    fleets = tuple(
        replace(fleet, replicas=count) for fleet, count in zip(desired.fleets, counts, strict=True)
    )
    return replace(desired, fleets=fleets)


def changed(desired: DesiredState, change: DeclaredChange) -> DesiredState:
    """The desired state after somebody declared that. Raises NoSuchFleetError."""
    meant = _meant(desired.fleets, change.fleet)
    instance = meant.instance
    if change.image is not None:
        instance = replace(instance, image=change.image)
    if change.user_data is not None:
        digest = hashlib.sha256(change.user_data.encode()).hexdigest()
        instance = replace(instance, user_data=UserData(text=change.user_data, sha256=digest))
    return replace(
        desired,
        fleets=tuple(
            replace(fleet, instance=instance) if fleet is meant else fleet
            for fleet in desired.fleets
        ),
    )


def _meant(fleets: Sequence[Fleet], name: str) -> Fleet:
    found = [fleet for fleet in fleets if fleet.name == name]
    if not found and name in (LARGEST, LARGEST_STATELESS):
        found = [fleet for fleet in fleets if name == LARGEST or not fleet.stateful]
    if not found:
        raise NoSuchFleetError(f"no fleet is {name}: the scenario changes one")
    return max(found, key=lambda fleet: (fleet.replicas, fleet.name))
