"""Tags that were written so lately that a view may not show them yet: no reason to write another value. Pure."""

from __future__ import annotations

from providers.requests import SetTags
from reconciler.planning.decision import Situation
from reconciler.planning.slots.casting import TOOK_EFFECT


def just_written(here: Situation, resource_id: str, key: str) -> bool:
    """Whether the journal knows that tag of that resource to have been written within the consistency window."""
    since = here.now - here.case.desired.policy.consistency_window
    return any(
        isinstance(intent.action.request, SetTags)
        and intent.action.request.resource_id == resource_id
        and key in intent.action.request.tags
        and intent.state in TOOK_EFFECT
        and intent.updated_at > since
        for intent in here.view.recent
    )
