"""What follows an action that begins or continues a course of several, so that a plan tells the whole way.

For the reader only: each step is decided afresh when its time comes.
"""

from __future__ import annotations

from collections.abc import Iterable

from providers.observed import Instance, InstanceState
from providers.requests import (
    AttachVolume,
    CreateSnapshot,
    DetachVolume,
    LaunchInstance,
    Request,
    SetTags,
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.actions import Action, Course
from reconciler.planning.identity import Role, Tag
from reconciler.planning.slots.arranging import SlotView, carries_its_volumes
from reconciler.planning.slots.claims import ClaimView


def steps_to_come(view: SlotView, actions: Iterable[Action]) -> tuple[str, ...]:
    """The steps after these actions of a slot, each in one clause; empty when they are all there is."""
    actions = tuple(actions)
    requests = [action.request for action in actions]
    if any(_carries_over(action) for action in actions):
        return (
            "launch a replacement with volumes made of it, in a zone that works",
            "commit the replacement once it is proven",
            *_left_behind(_original(view, requests)),
        )
    if not requests and view.replacement is None and not view.superseded:
        return ()
    successor = _successor(view, requests)
    if successor is None:
        return ()
    original = _original(view, requests)
    committing = any(isinstance(item, SetTags) and item.commit for item in requests)
    commit = (
        [f"commit {successor} once it is proven"]
        if original is not None and original == view.occupant and not committing
        else []
    )
    if _brings_its_volumes(view, requests):
        return (*commit, *_left_behind(original))
    moves = _moves(view.claims, original, successor, requests)
    return (*commit, *moves, *_farewell(original, requests))


def _carries_over(action: Action) -> bool:
    """The last snapshot of a volume that can't be brought to its slot."""
    return isinstance(action.request, CreateSnapshot) and action.course is Course.KEEP_THE_DATA


def _successor(view: SlotView, requests: list[Request]) -> str | None:
    """Who will hold the slot; None when nobody new will."""
    for request in requests:
        if isinstance(request, LaunchInstance):
            filled = any(claim.volume for claim in view.claims)
            replacing = request.tags.get(Tag.ROLE) == Role.REPLACEMENT
            return "the replacement" if replacing or filled else None
        if isinstance(request, TerminateInstance | AttachVolume):
            return None
    if view.replacement is not None:
        return view.replacement.id
    return view.occupant.id if view.occupant and view.superseded else None


def _original(view: SlotView, requests: list[Request]) -> Instance | None:
    """Who held the slot and still lives."""
    launching = any(isinstance(item, LaunchInstance) for item in requests)
    if launching or view.replacement is not None:
        return view.occupant
    return view.superseded[0] if view.superseded else None


def _brings_its_volumes(view: SlotView, requests: list[Request]) -> bool:
    """A restore: the successor has copies of its own."""
    if any(isinstance(item, LaunchInstance) and item.volumes for item in requests):
        return True
    return view.replacement is not None and carries_its_volumes(view, view.replacement)


def _left_behind(original: Instance | None) -> list[str]:
    if original is None:
        return []
    stopped = original.state is InstanceState.STOPPED
    fence = [] if stopped else [f"stop {original.id}, so that it serves no more"]
    return [*fence, f"keep {original.id} and its volumes for a person to look at"]


def _moves(
    claims: Iterable[ClaimView],
    original: Instance | None,
    successor: str,
    requests: list[Request],
) -> list[str]:
    """Write fence, detach and attach, as far as they are not among these actions or done."""
    filled = [
        claim
        for claim in claims
        if claim.volume is not None
        and (claim.attachment is None or claim.attachment.instance_id != successor)
    ]
    if not filled:
        return []
    steps = []
    stopping = any(isinstance(item, StopInstance) for item in requests)
    detaching = {item.volume_id for item in requests if isinstance(item, DetachVolume)}
    if original is not None and original.state is not InstanceState.STOPPED and not stopping:
        steps.append(f"stop {original.id}: the write fence")
    for claim in filled:
        volume = claim.volume.id if claim.volume else ""
        held = claim.attachment is not None and volume not in detaching
        if original is not None and held:
            steps.append(f"detach {volume} from {original.id}")
        steps.append(f"attach {volume} to {successor} as {claim.claim.device}")
    return steps


def _farewell(original: Instance | None, requests: list[Request]) -> list[str]:
    ending = any(isinstance(item, TerminateInstance) for item in requests)
    if original is None or ending:
        return []
    return [f"terminate {original.id} once the slot is healthy"]
