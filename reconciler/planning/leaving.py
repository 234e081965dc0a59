"""After a restore: what still holds the old volumes is fenced, kept for a while, and then let go (section 7.2).

The volume that stuck is left behind on its instance. Stopped, that instance can neither serve nor write; it stays as
it is until its quarantine is over, so that a person may look at what it holds. Its volumes are never ended by us.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from providers.observed import Attachment, Instance, InstanceState
from providers.requests import SetTags
from reconciler.planning.actions import Change, Course, Reason
from reconciler.planning.claims import Standing
from reconciler.planning.decision import Decision, Draft, Situation
from reconciler.planning.drift import named_claims
from reconciler.planning.fencing import serve_fence
from reconciler.planning.identity import Tag

QUARANTINE_UNTIL = Tag.QUARANTINE_UNTIL.value
INSTANCES_ARE_KEPT_FOR = timedelta(hours=72)
VOLUMES_ARE_KEPT_FOR = timedelta(days=14)
"""At least: nothing of ours deletes a volume (design section 7.4, quarantine)."""


def leave_behind(here: Situation, occupant: Instance) -> Decision | None:
    """The next step with superseded instances that hold volumes which others have taken the place of."""
    if not all(view.standing is Standing.ATTACHED for view in here.view.claims):
        return None
    for instance in here.view.superseded:
        left = _left_on(here, instance)
        if not left:
            continue
        if instance.state is not InstanceState.STOPPED:
            return serve_fence(here, occupant, instance)
        if drafts := here.not_open(_quarantine(here, instance, left)):
            return here.act(f"{instance.id} is stopped; what it holds is kept", *drafts)
    return None


def name_copies(here: Situation) -> list[Draft]:
    """The names of claims for volumes that were made from snapshots with their instance."""
    copies = [view for view in here.view.claims if view.volume and view.volume.snapshot_id]
    instances = {item.id: item for item in (*here.view.alive, *here.view.ending)}
    return [
        here.draft(
            holder,
            item.request,
            course=Course.CORRECT,
            reason=item.reason,
            detail=item.detail,
            claim=item.claim,
            changes=item.changes,
            continuation=True,
        )
        for view in copies
        for item in named_claims([view])
        if view.attachment and (holder := instances.get(view.attachment.instance_id))
    ]


def is_quarantined(here: Situation, instance: Instance) -> bool:
    """Whether an instance is kept for somebody to look at; a date that can't be read never comes."""
    text = instance.tags.get(QUARANTINE_UNTIL)
    if text is None:
        return False
    try:
        until = datetime.fromisoformat(text)
    except ValueError:
        return True
    return here.now < (until if until.tzinfo else until.replace(tzinfo=UTC))


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
    if QUARANTINE_UNTIL not in instance.tags:
        drafts.append(_dated(here, instance, instance.id, INSTANCES_ARE_KEPT_FOR))
    for item in left:
        volume = here.case.observation.volumes.get(item.volume_id)
        if volume is not None and QUARANTINE_UNTIL not in volume.tags:
            drafts.append(_dated(here, instance, item.volume_id, VOLUMES_ARE_KEPT_FOR))
    return drafts


def _dated(here: Situation, instance: Instance, resource_id: str, kept_for: timedelta) -> Draft:
    until = f"{here.now + kept_for:%Y-%m-%dT%H:%M:%SZ}"
    return here.draft(
        instance,
        SetTags(resource_id=resource_id, tags={QUARANTINE_UNTIL: until}),
        course=Course.RESTORE,
        reason=Reason.QUARANTINE,
        detail="replaced by a restored copy; kept for a person to look at",
        changes=(Change(field=QUARANTINE_UNTIL, old=None, new=until),),
        continuation=True,
    )
