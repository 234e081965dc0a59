"""Copies on a replacement that is given up before its commit: kept for an hour, then reclaimed (design section 7.1).

They are dated while they are still on it. What carries a date fills no claim, so a replacement whose copies may have
been dated never takes over: once it is given up it is undone to the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from providers.observed import Instance, Volume
from providers.requests import SetTags
from reconciler.planning.actions import Change, Course, Reason
from reconciler.planning.decision import Draft, Situation
from reconciler.planning.identity import Tag, incarnation_of
from reconciler.planning.intents import WITHOUT_A_TRACE, Intent
from reconciler.planning.nature import Nature

COPIES_ARE_KEPT_FOR = timedelta(hours=1)
"""Design section 7.4, quarantine."""
DATE = Tag.QUARANTINE_UNTIL.value


def date_copies(
    here: Situation, replacement: Instance, nature: Nature, *, by_judgement: bool
) -> list[Draft]:
    """One call for each copy without a date, and one time alone: nothing waits for a date that can't be written."""
    return [
        _dated(here, replacement, volume, nature, by_judgement=by_judgement)
        for volume in _copies_on(here, replacement)
        if DATE not in volume.tags and not _datings(here, volume)
    ]


def is_given_up(here: Situation, replacement: Instance) -> bool:
    """Whether any of its copies carries a date, or may, whatever a view that lags shows."""
    return any(
        DATE in volume.tags
        or any(intent.state not in WITHOUT_A_TRACE for intent in _datings(here, volume))
        for volume in _copies_on(here, replacement)
    )


def _copies_on(here: Situation, replacement: Instance) -> Iterable[Volume]:
    """The volumes that were made with it, of snapshots or empty, on the devices of claims."""
    devices = {view.claim.device for view in here.view.claims}
    for item in replacement.attachments:
        volume = here.case.observation.volumes.get(item.volume_id)
        if volume is None or item.device == replacement.root_device or item.device not in devices:
            continue
        if incarnation_of(volume.tags) == incarnation_of(replacement.tags):
            yield volume


def _datings(here: Situation, volume: Volume) -> list[Intent]:
    return [
        intent
        for intent in (*here.view.recent, *here.view.sharing)
        if isinstance(intent.action.request, SetTags)
        and intent.action.request.resource_id == volume.id
        and DATE in intent.action.request.tags
    ]


def _dated(
    here: Situation,
    replacement: Instance,
    volume: Volume,
    nature: Nature,
    *,
    by_judgement: bool,
) -> Draft:
    until = f"{here.now + COPIES_ARE_KEPT_FOR:%Y-%m-%dT%H:%M:%SZ}"
    return here.draft(
        replacement,
        SetTags(resource_id=volume.id, tags={DATE: until}),
        nature=nature,
        by_judgement=by_judgement,
        course=Course.RECLAIM,
        reason=Reason.QUARANTINE,
        detail="a copy that is not needed; kept for an hour",
        changes=(Change(field=Tag.QUARANTINE_UNTIL, old=None, new=until),),
        continuation=True,
    )
