"""Cells: an account in a region through an endpoint, observed, leased and reconciled as a unit."""

from __future__ import annotations

from dataclasses import dataclass, field

from desired_state.model import DesiredState
from providers.observed import CellIdentity
from reconciler.loop.assess import Assessment, Senses
from reconciler.store.cell import CellStore


@dataclass(slots=True)
class LastPass:
    """What the last pass over a cell found, so that the next one looks into what changed alone."""

    assessment: Assessment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell as it is reached, its part of the store, and this process's last pass over it."""

    identity: CellIdentity
    senses: Senses
    store: CellStore
    last: LastPass = field(default_factory=LastPass)


def places_of(desired: DesiredState) -> tuple[tuple[str, str], ...]:
    """The accounts and regions that the fleets name, sorted."""
    return tuple(
        sorted({(fleet.placement.account, fleet.placement.region) for fleet in desired.fleets})
    )
