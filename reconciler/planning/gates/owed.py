"""What is owed: commits, what they entail, and backups go on in every condition (design section 7.3).

Told from the action alone, so that the same is known of what is in the journal.
"""

from __future__ import annotations

from providers.requests import (
    DetachVolume,
    RebootInstance,
    SetSecurityGroups,
    SetTags,
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.actions import Action, Course


def is_commit(action: Action) -> bool:
    """The moment a replacement becomes the occupant."""
    return isinstance(action.request, SetTags) and action.request.commit


def is_owed_fence(action: Action) -> bool:
    """The stop or the isolation of what was superseded by a commit: its data has another writer, or is about to."""
    if isinstance(action.request, StopInstance):
        return action.course is not Course.REPAIR
    return isinstance(action.request, SetSecurityGroups) and action.course is Course.RESTORE


def is_owed(action: Action) -> bool:
    """What no brake and no pace holds. A detach is one of these: it is only ever from an instance that is stopped."""
    return is_commit(action) or is_owed_fence(action) or isinstance(action.request, DetachVolume)


def is_step_of_repair(action: Action) -> bool:
    """What takes down an occupant that may still run, because we think that it is better so."""
    takes_down = isinstance(action.request, RebootInstance | StopInstance | TerminateInstance)
    return takes_down and action.course is Course.REPAIR


def is_end_of_the_unneeded(action: Action) -> bool:
    """The termination of what never held its slot, or is not wanted any more."""
    ends = isinstance(action.request, TerminateInstance)
    return ends and action.course in (Course.RECLAIM, Course.REMOVE)
