"""Claims that can't be brought to an instance as they stand: lost, unproven, or in several zones."""

from __future__ import annotations

from reconciler.planning.actions import Course, Gate
from reconciler.planning.claims import ClaimView, Standing
from reconciler.planning.decision import Decision, Hold, Situation

LOST = (Standing.LOST, Standing.ERROR, Standing.NEVER_FILLED)


def lost_claim(here: Situation) -> Decision | None:
    """Holds a slot with a claim whose volume is lost, in error, or was never there; None when all have one.

    Only a restore point brings these back.
    """
    lost = [claim for claim in here.view.claims if claim.standing in LOST]
    if not lost:
        return None
    why = "; ".join(f"claim {claim.claim.name}: {claim.detail}" for claim in lost)
    known = [point for claim in lost if (point := _newest_restore_point(claim))]
    points = "; ".join(known) or "no restore point is known"
    advice = f"{points}; attach a volume restored by hand, tagged for this slot"
    hold = Hold(course=Course.RESTORE, gate=Gate.RESTORE, reason=f"{why}; {advice}")
    return here.hold(why, hold)


def _newest_restore_point(view: ClaimView) -> str | None:
    """What a person would restore the claim from, as far as snapshots were read."""
    newest = next((item for item in view.snapshots or () if item.usable), None)
    if newest is None:
        return None
    at = f"{newest.started_at:%Y-%m-%dT%H:%M:%SZ}"
    return f"the newest restore point of {view.claim.name} is {newest.id} of {at}"


def unplaceable_claims(here: Situation) -> Decision | None:
    """Holds a slot whose volumes are not all known to be in one zone: no instance could have them all."""
    for claim in here.view.claims:
        if claim.standing is Standing.UNPROVEN:
            gate = Gate.UNPROVEN_ABSENCE
            hold = Hold(course=Course.RESTORE, gate=gate, reason=claim.detail)
            return here.hold(claim.detail, hold)
    zones = zones_of_claims(here)
    if len(zones) > 1:
        why = f"its volumes are in several zones: {', '.join(zones)}"
        return here.hold(why, Hold(course=Course.KEEP_THE_DATA, gate=Gate.CONFLICT, reason=why))
    return None


def zones_of_claims(here: Situation) -> tuple[str, ...]:
    """The zones of the slot's volumes, sorted."""
    return tuple(sorted({claim.volume.zone for claim in here.view.claims if claim.volume}))
