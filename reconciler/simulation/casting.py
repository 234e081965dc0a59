"""What a scenario is played against: its zones, a desired state of another size, and one that was changed."""

from __future__ import annotations

from collections.abc import Mapping

from desired_state.model import DesiredState
from reconciler.simulation.scenario import DeclaredChange


def zone_roles(desired: DesiredState) -> Mapping[str, str]:
    """Role to zone, as it is declared: A is the zone with most slots, and so on down; ties by name."""
    raise NotImplementedError


def scaled(desired: DesiredState, slots: int) -> DesiredState:
    """The same fleets with about that many slots in all, in the same proportions; each keeps at least one."""
    raise NotImplementedError


def changed(desired: DesiredState, change: DeclaredChange) -> DesiredState:
    """The desired state after somebody declared that."""
    raise NotImplementedError
