"""After a restore: what still holds the old volumes is fenced, kept for a while, and then let go (section 7.2).

The volume that stuck is left behind on its instance. Stopped, that instance can neither serve nor write; it stays as
it is until its quarantine is over, so that a person may look at what it holds. Its volumes are never ended by us.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from providers.observed import Attachment, Instance, InstanceState
from providers.requests import SetTags
from reconciler.planning.actions import Change, Course, Reason
from reconciler.planning.claims import Standing, restored_claims
from reconciler.planning.decision import Decision, Draft, Situation
from reconciler.planning.fencing import serve_fence
from reconciler.planning.identity import Tag, quarantined_until

INSTANCES_ARE_KEPT_FOR = timedelta(hours=72)
VOLUMES_ARE_KEPT_FOR = timedelta(days=14)
"""At least: nothing of ours deletes a volume (design section 7.4, quarantine)."""


def leave_behind(here: Situation, occupant: Instance, beside: Sequence[Draft]) -> Decision | None:
    """The next step with superseded instances whose data others have taken the place of.

    Once all of them are fenced nothing waits for the dates of what they hold: `beside` is done with those, or without.
    """
    if not all(view.standing is Standing.ATTACHED for view in here.view.claims):
        return None
    restored = bool(restored_claims(here.view.claims, occupant))
    held = [(instance, _left_on(here, instance)) for instance in here.view.superseded]
    behind = [(instance, left) for instance, left in held if left or restored]
    for instance, _ in behind:
        if instance.state is not InstanceState.STOPPED:
            return serve_fence(here, occupant, instance)
    drafts = [draft for instance, left in behind for draft in _quarantine(here, instance, left)]
    if not (drafts := here.not_open(drafts)):
        return None
    ids = ", ".join(instance.id for instance, _ in behind)
    return here.act(f"{ids} stopped; what was left behind is kept", *beside, *drafts)


def is_quarantined(here: Situation, instance: Instance) -> bool:
    """Whether an instance is kept for somebody to look at; a date that can't be read never comes."""
    until = quarantined_until(instance.tags)
    return until is not None and here.now < until


def _left_on(here: Situation, instance: Instance) -> list[Attachment]:
    """What it holds on the devices of claims, now that the occupant has other volumes there; shown or not."""
    devices = {view.claim.device for view in here.view.claims}
    filling = {view.volume.id for view in here.view.claims if view.volume is not None}
    return [
        item
        for item in instance.attachments
        if item.device in devices and item.volume_id not in filling
    ]


def _quarantine(here: Situation, instance: Instance, left: list[Attachment]) -> list[Draft]:
    drafts = []
    if Tag.QUARANTINE_UNTIL not in instance.tags:
        drafts.append(_dated(here, instance, instance.id, INSTANCES_ARE_KEPT_FOR))
    for item in left:
        volume = here.case.observation.volumes.get(item.volume_id)
        if volume is not None and Tag.QUARANTINE_UNTIL not in volume.tags:
            drafts.append(_dated(here, instance, item.volume_id, VOLUMES_ARE_KEPT_FOR))
    return drafts


def _dated(here: Situation, instance: Instance, resource_id: str, kept_for: timedelta) -> Draft:
    until = f"{here.now + kept_for:%Y-%m-%dT%H:%M:%SZ}"
    return here.draft(
        instance,
        SetTags(resource_id=resource_id, tags={Tag.QUARANTINE_UNTIL.value: until}),
        course=Course.RESTORE,
        reason=Reason.QUARANTINE,
        detail="replaced by a restored copy; kept for a person to look at",
        changes=(Change(field=Tag.QUARANTINE_UNTIL, old=None, new=until),),
        continuation=True,
    )
