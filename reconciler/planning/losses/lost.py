"""Claims that can't be had as they stand: lost, stuck, out of reach, unproven, or in several zones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from providers.observed import Instance, InstanceState
from providers.requests import LaunchInstance
from reconciler.health.capabilities import CapabilityKind
from reconciler.health.verdict import Status, Weight
from reconciler.health.volumes import VolumeCondition
from reconciler.planning.actions import Course, Gate, Reason
from reconciler.planning.braked import holds_steps_in_place
from reconciler.planning.decision import Decision, Hold, Situation
from reconciler.planning.identity import Tag
from reconciler.planning.intents import WITHOUT_A_TRACE, WITHOUT_EFFECT
from reconciler.planning.orders import Order
from reconciler.planning.placing.reach import detach_hangs, without_room, zones_of_claims
from reconciler.planning.slots.claims import Standing

LOST = (Standing.LOST, Standing.ERROR, Standing.NEVER_FILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why only a restore helps a slot: in a word, in words, and since when nothing could be written any more.

    `gone` is True where the data itself is gone, so that nothing is gained by waiting. With an `order` a person wants
    it restored; `evident` is False where nothing else speaks for it.
    """

    reason: Reason
    why: str
    since: datetime
    gone: bool
    order: Order | None = None
    evident: bool = True

    @property
    def at_once(self) -> bool:
        """Whether nothing is gained by waiting with the commit."""
        return self.gone or self.order is not None


def trouble_of(here: Situation, occupant: Instance | None) -> Trouble | None:
    """The trouble of a slot with a claim whose volume is lost, in error, stuck or out of reach; None where a first
    filling is due.
    """
    claims = here.view.claims
    lost = [claim for claim in claims if claim.standing in LOST]
    if all(claim.standing is Standing.NEVER_FILLED for claim in claims):
        return None
    if lost:
        why = "; ".join(f"claim {claim.claim.name}: {claim.detail}" for claim in lost)
        since = _lost_since(here, occupant)
        return Trouble(reason=Reason.CLAIM_LOST, why=why, since=since, gone=True)
    return _stuck(here, occupant) or _out_of_reach(here, occupant)


def _stuck(here: Situation, occupant: Instance | None) -> Trouble | None:
    """Claims whose volumes do not serve reads and writes, by evidence that names them."""
    found = [
        (claim, verdict)
        for claim in here.view.claims
        if claim.volume is not None
        and (verdict := here.case.volume_verdicts.get(claim.volume.id)) is not None
        and verdict.condition is VolumeCondition.STUCK
    ]
    if not found:
        return None
    bad = [item for _, verdict in found for item in verdict.evidence if item.weight is Weight.BAD]
    why = "; ".join(
        f"claim {claim.claim.name}: {claim.volume.id if claim.volume else ''} is stuck"
        for claim, _ in found
    )
    since = min([item.since for item in bad] or [verdict.since for _, verdict in found])
    stuck_since = max(verdict.since for _, verdict in found)
    return Trouble(
        reason=Reason.CLAIM_STUCK,
        why=why,
        since=min(since, _stuck_and_unserved_since(here, occupant, stuck_since)),
        gone=False,
    )


def _stuck_and_unserved_since(
    here: Situation, occupant: Instance | None, stuck_since: datetime
) -> datetime:
    """Since when nobody was served, now where that can't be told.

    The dates of signs move on by every time in which EC2 could not be asked, and a loss would grow with them. But while
    the volume never recovered and its instance was never well again, nothing was written that anybody was told of.
    """
    down_since = here.down_since(occupant) if occupant else None
    return max(stuck_since, down_since) if down_since else here.now


def _out_of_reach(here: Situation, occupant: Instance | None) -> Trouble | None:
    """Volumes that may be well, and that can neither be brought to an instance nor carried over by snapshots."""
    if (why := detach_hangs(here, occupant)) is not None:
        stays = _snapshots_fail(here)
    elif _is_down(here, occupant) and (why := without_room(here)) is not None:
        stays = _snapshots_fail(here) or _not_to_be_stopped(here, occupant)
    else:
        return None
    if stays is None:
        return None
    return Trouble(
        reason=Reason.CLAIM_OUT_OF_REACH,
        why=f"{why}, and {stays}",
        since=unserved_since(here, occupant),
        gone=False,
    )


def _is_down(here: Situation, occupant: Instance | None) -> bool:
    """Whether EC2 itself speaks against it: what serves, and what we alone see no more of, has its data."""
    if occupant is None:
        return True
    verdict = here.verdict(occupant)
    if verdict.serving or verdict.by_judgement:
        return False
    return verdict.status is Status.UNHEALTHY


def _snapshots_fail(here: Situation) -> str | None:
    zone = zones_of_claims(here)[0]
    works = here.case.capabilities.works(zone, CapabilityKind.SNAPSHOT)
    return None if works else f"snapshots in {zone} fail"


def _not_to_be_stopped(here: Situation, occupant: Instance | None) -> str | None:
    """A last snapshot is of what nobody writes, and what takes an occupant down may be braked now."""
    if occupant is None or occupant.state is InstanceState.STOPPED:
        return None
    if not holds_steps_in_place(here.case, occupant.zone, here.fleet.name):
        return None
    return f"{occupant.id} can't be stopped for a snapshot while steps that disrupt are braked in {occupant.zone}"


def _lost_since(here: Situation, occupant: Instance | None) -> datetime:
    """When its trouble began, as far as is remembered; now is the latest that it can be.

    A restore that waits for a person has been waiting since the data was known to be gone: without that the loss would
    grow while the person thinks. Not where an order made it wait, since nothing need have been wrong then.
    """
    memory = here.case.memory
    began = [item.absent_since for item, _ in here.view.missing]
    began += [here.down_since(occupant) if occupant else None]
    if not any(order.slot == here.view.ref for order in memory.orders):
        began += [memory.held_since.get(f"{here.view.ref}|{Gate.RESTORE}")]
    return min([at for at in began if at is not None], default=here.now)


def unserved_since(here: Situation, occupant: Instance | None) -> datetime:
    """Since when a slot has not been served: now, as far as that can't be told."""
    return here.down_since(occupant) or here.now if occupant else _vacant_since(here)


def _vacant_since(here: Situation) -> datetime:
    """Since when nobody has held the slot, so that nothing was written: now, as far as that can't be told.

    Every launch for one that was gone, and that came to nothing, was begun because nobody held it.
    """
    since = _lost_since(here, None)
    served = {item.id for item in here.view.ending if Tag.IN_SERVICE_SINCE in item.tags}
    for intent in reversed(here.view.recent):
        if not isinstance(intent.action.request, LaunchInstance):
            continue
        health = here.case.memory.health.get(intent.resource_id or "")
        was_well = intent.resource_id in served or (health is not None and health.healthy_at)
        failed = intent.state in WITHOUT_EFFECT | WITHOUT_A_TRACE
        if intent.action.reason is not Reason.GONE or not failed or was_well:
            break
        since = min(since, intent.begun_at)
    return since


def unplaceable_claims(here: Situation) -> Decision | None:
    """Holds a slot whose volumes are not all known to be in one zone: no instance could have them all."""
    if (unproven := unproven_claim(here)) is not None:
        return unproven
    zones = zones_of_claims(here)
    if len(zones) > 1:
        why = f"its volumes are in several zones: {', '.join(zones)}"
        return here.hold(why, Hold(course=Course.KEEP_THE_DATA, gate=Gate.CONFLICT, reason=why))
    return None


def unproven_claim(here: Situation) -> Decision | None:
    """Holds a slot with a volume that is merely not shown: it may be there."""
    for claim in here.view.claims:
        if claim.standing is Standing.UNPROVEN:
            gate = Gate.UNPROVEN_ABSENCE
            hold = Hold(course=Course.RESTORE, gate=gate, reason=claim.detail)
            return here.hold(claim.detail, hold)
    return None
