"""What may live unseen holds every launch into its slot: absence is not evidence (design rule 6)."""

from __future__ import annotations

from providers.observed import Gap, GapSubject
from reconciler.planning.actions import Course, Gate
from reconciler.planning.decision import Decision, Hold, Situation
from reconciler.planning.identity import incarnation_of
from reconciler.planning.memory import KnownResource
from reconciler.planning.slots.absence import Absence, is_missed_twice, sight_of, why_doubted


def gap_over(here: Situation, zone: str | None) -> Gap | None:
    """The gap that a decision about this slot would rest on, in that zone; in any zone when it is None."""
    observation = here.case.observation
    if not observation.gaps:
        return None
    subjects = [GapSubject.INSTANCES, GapSubject.ZONES]
    subjects += [GapSubject.VOLUMES] if here.fleet.stateful else []
    gaps = (observation.lacks(subject, zone) for subject in subjects)
    return next((gap for gap in gaps if gap is not None), None)


def hold_for_the_unseen(here: Situation) -> Decision | None:
    """Why nothing may be launched into the slot now: an instance of it is merely not shown."""
    unseen = _unseen(here)
    vanished = [item for item, _ in unseen if item.id in here.surroundings.vanished]
    if vanished:
        return _hold_for_the_vanished(here, vanished[0])
    unproven = [item for item, absence in unseen if absence is Absence.UNPROVEN]
    return _hold_for_the_unproven(here, unproven[0]) if unproven else None


def _unseen(here: Situation) -> list[tuple[KnownResource, Absence]]:
    """Known instances that are not shown and could hold the slot, or be about to."""
    occupant = here.view.occupant
    held = incarnation_of(occupant.tags) if occupant else -1
    return [(item, absence) for item, absence in here.view.missing if item.incarnation > held]


def _hold_for_the_vanished(here: Situation, known: KnownResource) -> Decision | None:
    count = len(here.surroundings.vanished)
    why = (
        f"{count} resources vanished together without a terminated record: "
        "that looks like a fault of the view"
    )
    return _hold(here, known, Gate.MASS_DISAPPEARANCE, why, approvable=True)


def _hold_for_the_unproven(here: Situation, known: KnownResource) -> Decision | None:
    sight = sight_of(here.case.observation, here.case.desired.policy, here.now)
    why = f"{known.id} is not shown; not yet proved gone"
    doubt = why_doubted(known, sight) if is_missed_twice(known, sight) else None
    if doubt is not None:
        why += f": {doubt}"
    # Time alone will not end such a doubt; a person may.
    return _hold(here, known, Gate.UNPROVEN_ABSENCE, why, approvable=doubt is not None)


def _hold(
    here: Situation, known: KnownResource, gate: Gate, why: str, *, approvable: bool
) -> Decision | None:
    proven_at = (known.absent_since or here.now) + here.case.desired.policy.consistency_window
    release = proven_at if proven_at > here.now else None
    if approvable:
        treated = here.view.highest_incarnation
        return here.ask(gate, Course.REPLACE, treated, why, earliest_release=release)
    hold = Hold(course=Course.REPLACE, gate=gate, reason=why, earliest_release=release)
    return here.hold(why, hold)
