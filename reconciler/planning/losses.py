"""Claims that nothing at hand can fill: what only a restore point brings back."""

from __future__ import annotations

from reconciler.planning.actions import Course, Gate
from reconciler.planning.claims import Standing
from reconciler.planning.decision import Decision, Hold, Situation


def lost_claim(here: Situation) -> Decision | None:
    """Holds a slot with a claim whose volume is lost, in error, or was never there; None when all have one."""
    bad = (Standing.LOST, Standing.ERROR, Standing.NEVER_FILLED)
    lost = [claim for claim in here.view.claims if claim.standing in bad]
    if not lost:
        return None
    why = "; ".join(f"claim {claim.claim.name}: {claim.detail}" for claim in lost)
    advice = "no restore point is known; attach a volume restored by hand, tagged for this slot"
    hold = Hold(course=Course.RESTORE, gate=Gate.RESTORE, reason=f"{why}; {advice}")
    return here.hold(why, hold)
