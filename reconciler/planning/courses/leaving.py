"""After a restore: what still holds the old volumes is fenced, kept for a while, and then let go (section 7.2).

The volume that stuck is left behind on its instance. Stopped, that instance can neither serve nor write; it stays as
it is until its quarantine is over, so that a person may look at what it holds. How its volumes end is in `reclaiming`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from providers.observed import Attachment, Instance, InstanceState, Volume
from providers.requests import SetTags
from reconciler.planning.actions import Change, Course, Reason
from reconciler.planning.courses.by_hand import is_confirmed
from reconciler.planning.courses.fencing import serve_fence
from reconciler.planning.courses.isolating import is_isolated
from reconciler.planning.courses.written import just_written
from reconciler.planning.decision import Decision, Draft, Situation
from reconciler.planning.identity import Tag, quarantined_until
from reconciler.planning.nature import Nature
from reconciler.planning.slots.claims import Standing, brought_claims, restored_claims

DATE = Tag.QUARANTINE_UNTIL.value

INSTANCES_ARE_KEPT_FOR = timedelta(hours=72)
VOLUMES_ARE_KEPT_FOR = timedelta(days=14)
"""Until its final snapshot may be taken (design section 7.4, quarantine)."""
NEVER = "never"
"""In place of a date. What an empty volume took the place of is the data itself: a person ends it, and no date does."""


def leave_behind(here: Situation, occupant: Instance, beside: Sequence[Draft]) -> Decision | None:
    """The next step with superseded instances whose data others have taken the place of.

    None of them is stopped for an occupant that does not run: somebody may have stopped that one, and what it replaced
    may be all that serves. Once all are fenced nothing waits for the dates of what they hold: `beside` is done with
    those, or without.
    """
    if not all(view.standing is Standing.ATTACHED for view in here.view.claims):
        return None
    if owing := unfenced(here, occupant):
        running = occupant.state is InstanceState.RUNNING
        return serve_fence(here, occupant, owing[0]) if running else None
    behind = _left_behind(here)
    drafts = [draft for instance in behind for draft in _quarantine(here, instance)]
    if not (drafts := here.not_open(drafts)):
        return None
    ids = ", ".join(instance.id for instance in behind)
    return here.act(f"{ids} can serve no more; what was left behind is kept", *beside, *drafts)


def unfenced(here: Situation, occupant: Instance) -> list[Instance]:
    """What was left behind and may serve still: nothing proves the contrary, and no person says so."""
    return [
        instance
        for instance in _left_behind(here)
        if instance.state is not InstanceState.STOPPED
        and not is_isolated(here, instance)
        and not is_confirmed(here, occupant, instance)
    ]


def _left_behind(here: Situation) -> list[Instance]:
    return [instance for instance in here.view.superseded if _is_left_behind(here, instance)]


def is_quarantined(here: Situation, instance: Instance) -> bool:
    """Whether an instance is kept for somebody to look at; a date that can't be read, or is not shown, never comes."""
    until = quarantined_until(instance.tags)
    if until is None:
        return _is_left_behind(here, instance)
    return here.now < until


def _is_left_behind(here: Situation, instance: Instance) -> bool:
    """Whether others have taken the place of its data, so that it is dated before it goes. What is dated was left."""
    occupant = here.view.occupant
    brought = occupant is not None and brought_claims(here.view.claims, occupant)
    return bool(brought or DATE in instance.tags or _left_on(here, instance))


def _left_on(here: Situation, instance: Instance) -> list[Attachment]:
    """What it holds on the devices of claims, now that the occupant has other volumes there; shown or not."""
    devices = {view.claim.device for view in here.view.claims}
    filling = {view.volume.id for view in here.view.claims if view.volume is not None}
    return [
        item
        for item in instance.attachments
        if item.device in devices and item.volume_id not in filling
    ]


def _quarantine(here: Situation, instance: Instance) -> list[Draft]:
    """A date counts from when it was first written, also while a view that lags does not show it."""
    until = NEVER if _is_stood_in_for(here) else _date(here, VOLUMES_ARE_KEPT_FOR)
    resources: list[tuple[Instance | Volume, str]] = [
        (instance, _date(here, INSTANCES_ARE_KEPT_FOR))
    ]
    for item in _left_on(here, instance):
        if (volume := here.case.observation.volumes.get(item.volume_id)) is not None:
            resources.append((volume, until))
    return [
        _dated(here, instance, resource.id, until)
        for resource, until in resources
        if DATE not in resource.tags and not just_written(here, resource.id, DATE)
    ]


def _is_stood_in_for(here: Situation) -> bool:
    """Whether the occupant brought empty volumes, onto which nothing is restored."""
    occupant = here.view.occupant
    if occupant is None:
        return False
    brought = brought_claims(here.view.claims, occupant)
    return len(restored_claims(here.view.claims, occupant)) < len(brought)


def _date(here: Situation, kept_for: timedelta) -> str:
    return f"{here.now + kept_for:%Y-%m-%dT%H:%M:%SZ}"


def _dated(here: Situation, instance: Instance, resource_id: str, until: str) -> Draft:
    what = "an empty stand-in" if until == NEVER else "a restored copy"
    return here.draft(
        instance,
        SetTags(resource_id=resource_id, tags={DATE: until}),
        nature=Nature.CONSTRUCTIVE,
        course=Course.RESTORE,
        reason=Reason.QUARANTINE,
        detail=f"replaced by {what}; kept for a person to look at",
        changes=(Change(field=Tag.QUARANTINE_UNTIL, old=None, new=until),),
        continuation=True,
    )
