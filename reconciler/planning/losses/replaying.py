"""What a restore waits for when the slot has an archive: that it was read since the trouble began."""

from __future__ import annotations

from datetime import timedelta

from providers.observed import GapSubject
from reconciler.planning.actions import Bucket, Course, Gate
from reconciler.planning.decision import Decision, Hold, Situation
from reconciler.planning.losses.lost import Trouble
from reconciler.planning.losses.restore_sets import best_set
from reconciler.planning.slots.archives import ClaimArchive

READ_LATELY = timedelta(minutes=2)


def archive_to_be_read(here: Situation, trouble: Trouble) -> Decision | None:
    """Waits for an archive that may lose less than what is known so far; not longer than until a copy would take over
    anyway, where there is something else to restore from.
    """
    unread = [view.archive for view in here.view.claims if _is_stale(view.archive, here, trouble)]
    if not unread:
        return None
    cutover_at = trouble.since + here.fleet.repair.cutover_after
    if here.now >= cutover_at and best_set(here.view.claims, trouble.since) is not None:
        return None
    gap = here.case.observation.lacks(GapSubject.ARCHIVES)
    if gap is None:
        summary = f"{trouble.why}; its archive is read once more"
        return here.rest(Bucket.WAITING, summary, next_check_at=cutover_at)
    why = f"{trouble.why}; its archive could not be read ({gap.code})"
    hold = Hold(
        course=Course.RESTORE,
        gate=Gate.GAP,
        reason=why,
        earliest_release=cutover_at if cutover_at > here.now else None,
    )
    return here.hold(why, hold)


def _is_stale(archive: ClaimArchive | None, here: Situation, trouble: Trouble) -> bool:
    """Declared, and not read since the trouble began or lately."""
    if archive is None:
        return False
    needed = min(trouble.since, here.now - READ_LATELY)
    return archive.as_of is None or archive.as_of < needed
