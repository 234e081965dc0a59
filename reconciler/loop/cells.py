"""Cells: an account in a region through an endpoint, observed, leased and reconciled as a unit."""

from __future__ import annotations

from dataclasses import dataclass

from desired_state.model import DesiredState
from providers.observed import CellIdentity
from reconciler.loop.assess import Senses
from reconciler.store.cell import CellStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell as it is reached, and its part of the store."""

    identity: CellIdentity
    senses: Senses
    store: CellStore


def places_of(desired: DesiredState) -> tuple[tuple[str, str], ...]:
    """The accounts and regions that the fleets name, sorted."""
    return tuple(
        sorted({(fleet.placement.account, fleet.placement.region) for fleet in desired.fleets})
    )
