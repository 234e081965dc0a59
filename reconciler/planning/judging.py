"""Judging every live instance of ours: who is judged by which declaration, and with which claims and history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from desired_state.model import DesiredState
from providers.observed import AttachmentState, GapSubject, Instance, Observation
from providers.requests import RebootInstance, StartInstance, StopInstance
from reconciler.health.judge import ClaimSign, Subject, judge
from reconciler.health.verdict import Evidence, RememberedHealth, Verdict
from reconciler.planning.claims import ClaimView, Standing
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.memory import Memory
from reconciler.planning.slots import SlotView, World


def judge_all(
    world: World,
    desired: DesiredState,
    observation: Observation,
    memory: Memory,
    now: datetime,
    *,
    reported: Mapping[str, tuple[Evidence, ...]] | None = None,
) -> tuple[Mapping[str, Verdict], Mapping[str, RememberedHealth]]:
    """Verdicts and what to remember, by instance id, of every live instance in a declared slot.

    `reported` is what users' own checks yielded, by instance id.
    """
    yielded = reported or {}
    verdicts: dict[str, Verdict] = {}
    remembered: dict[str, RememberedHealth] = {}
    for view in world.slots:
        for instance in view.alive:
            subject = _subject(view, instance, desired, observation, memory)
            if instance.id in yielded:
                subject = replace(subject, reported=yielded[instance.id])
            verdicts[instance.id], remembered[instance.id] = judge(subject, now)
    return verdicts, remembered


def _subject(
    view: SlotView,
    instance: Instance,
    desired: DesiredState,
    observation: Observation,
    memory: Memory,
) -> Subject:
    if view.fleet is None:
        raise ValueError(f"{view.ref} belongs to no declared fleet; released slots are not judged")
    touching = [
        intent
        for intent in (*view.recent, *view.busy)
        if getattr(intent.action.request, "instance_id", None) == instance.id
        and intent.state is not IntentState.REJECTED
    ]
    return Subject(
        spec=view.fleet.health,
        policy=desired.policy,
        instance=instance,
        checks=observation.checks.get(instance.id),
        probe=observation.probes.get(instance.id),
        claims=tuple(_claim_sign(claim, instance) for claim in view.claims),
        remembered=memory.health.get(instance.id),
        restarted_at=_restarted_at(touching),
        stopped_by_us=_stopped_by_us(touching),
        blind=observation.lacks(GapSubject.STATUS_CHECKS, instance.zone) is not None,
    )


def _claim_sign(view: ClaimView, instance: Instance) -> ClaimSign:
    """Attached counts only with the expected volume on this very instance."""
    attachment = view.attachment
    attached = (
        attachment is not None
        and attachment.instance_id == instance.id
        and attachment.state is AttachmentState.ATTACHED
    )
    in_error = view.standing is Standing.ERROR and attached
    return ClaimSign(
        claim=view.claim.name, attached=attached, in_error=in_error, detail=view.detail
    )


def _restarted_at(touching: list[Intent]) -> datetime | None:
    """Our last reboot or start of the instance: its grace runs again from there."""
    return max(
        (
            intent.begun_at
            for intent in touching
            if isinstance(intent.action.request, RebootInstance | StartInstance)
        ),
        default=None,
    )


def _stopped_by_us(touching: list[Intent]) -> bool:
    """Whether the last stop or start that we know of was our stop."""
    moves = sorted(
        (
            intent
            for intent in touching
            if isinstance(intent.action.request, StopInstance | StartInstance)
        ),
        key=lambda intent: intent.begun_at,
    )
    return bool(moves) and isinstance(moves[-1].action.request, StopInstance)
