"""What is declared for one cell: a fleet names an account and a region, and a cell is one of each."""

from __future__ import annotations

from desired_state.model import DesiredState, Fleet
from providers.observed import CellIdentity


def fleets_here(desired: DesiredState, cell: CellIdentity) -> tuple[Fleet, ...]:
    """The declared fleets of the cell, in the order of the documents."""
    here = (cell.account, cell.region)
    return tuple(
        [
            fleet
            for fleet in desired.fleets
            if (fleet.placement.account, fleet.placement.region) == here
        ]
    )


def replicas_here(desired: DesiredState, cell: CellIdentity) -> int:
    """How many slots they declare."""
    return sum(fleet.replicas for fleet in fleets_here(desired, cell))
