"""Instances that are late where launches do not work: kept and waited for, never reaped (design section 7.3).

In October 2025 instances ran for hours before they got their network. Whoever ended them had to launch again, into the
very trouble that had made them late.
"""

from __future__ import annotations

from providers.observed import Instance
from reconciler.health.capabilities import CapabilityKind
from reconciler.planning.actions import Bucket
from reconciler.planning.decision import Decision, Situation


def wait_for_the_late(here: Situation, instance: Instance, why: str) -> Decision | None:
    """Waits with an instance that never was healthy for as long as launches do not work in its zone."""
    if not is_late_with_its_zone(here, instance):
        return None
    summary = f"{instance.id} is kept: {why}, and launches do not work in {instance.zone}"
    return here.rest(Bucket.WAITING, summary)


def is_late_with_its_zone(here: Situation, instance: Instance) -> bool:
    """It never was healthy, and it may be its zone's doing."""
    remembered = here.case.memory.health.get(instance.id)
    if remembered is not None and remembered.healthy_at is not None:
        return False
    return not here.case.capabilities.works(instance.zone, CapabilityKind.LAUNCH)


def works_somewhere(here: Situation) -> bool:
    """Whether launches work in any zone where instances of the fleet may go."""
    zones = here.blueprint.zones or frozenset()
    return any(here.case.capabilities.works(zone, CapabilityKind.LAUNCH) for zone in zones)
