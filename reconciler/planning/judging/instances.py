"""Judging every live instance of ours: who is judged by which declaration, and with which claims and history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from desired_state.model import DesiredState, SafetyPolicy
from providers.observed import (
    AttachmentState,
    Gap,
    GapSubject,
    Instance,
    Observation,
    ProbeResult,
    StatusChecks,
)
from providers.requests import (
    AttachVolume,
    RebootInstance,
    SetTags,
    StartInstance,
    StopInstance,
)
from reconciler.health.judge import judge
from reconciler.health.signs import ClaimSign, Subject
from reconciler.health.verdict import Evidence, RememberedHealth, Status, Verdict, Weight
from reconciler.planning.actions import target_of
from reconciler.planning.identity import Role, Tag, role_of
from reconciler.planning.intents import WITHOUT_A_TRACE, Intent
from reconciler.planning.memory import Memory
from reconciler.planning.slots.arranging import SlotView, World
from reconciler.planning.slots.claims import ClaimView, Standing, restored_claims

LEAST_RESTORE_GRACE = timedelta(minutes=30)
REPLAYED_WITHIN = timedelta(minutes=15)
FILLED_MIB_S = 100
LEAST_REPLAY_GRACE = timedelta(hours=2)
REPLAYED_MIB_S = 50


class Signs(NamedTuple):
    """All that an instance is judged by beside its slot and the policy."""

    checks: StatusChecks | None
    probe: ProbeResult | None
    remembered: RememberedHealth | None
    reported: tuple[Evidence, ...] | None
    """What users' own checks yielded."""
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict, what is to be remembered, and what both rest on."""

    view: SlotView
    signs: Signs
    verdict: Verdict
    remembered: RememberedHealth

    @property
    def lasts(self) -> bool:
        """Healthy, by nothing but good signs, and nothing to remember anew: time alone does not change that."""
        return (
            self.verdict.status is Status.HEALTHY
            and self.remembered is self.signs.remembered
            and all(item.weight is Weight.GOOD for item in self.verdict.evidence)
        )

    def holds_for(self, view: SlotView, signs: Signs) -> bool:
        """Whether it would be judged the same again."""
        return view is self.view and signs == self.signs


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Verdicts and what to remember, by instance id. `lasting` are those that hold until something changes."""

    verdicts: Mapping[str, Verdict]
    remembered: Mapping[str, RememberedHealth]
    policy: SafetyPolicy
    lasting: Mapping[str, Judged]


def judge_all(
    world: World,
    desired: DesiredState,
    observation: Observation,
    memory: Memory,
    now: datetime,
    *,
    reported: Mapping[str, tuple[Evidence, ...]] | None = None,
    last: Judgement | None = None,
) -> Judgement:
    """The verdict on every live instance in a declared slot. `reported` is what users' own checks yielded, by id.

    What is judged by the same as in the `last` judgement, and was healthy and nothing new then, is so still.
    """
    yielded = reported or {}
    before = last.lasting if last and last.policy == desired.policy else {}
    lasting: dict[str, Judged] = {}
    verdicts: dict[str, Verdict] = {}
    remembered = _of_the_unseen(observation, memory)
    for view in world.slots:
        for instance in view.alive:
            id_ = instance.id
            signs = _signs(id_, observation, memory, yielded)
            known = before.get(id_)
            if known is None or not known.holds_for(view, signs):
                subject = _subject(view, instance, desired, observation, memory)
                if id_ in yielded:
                    subject = replace(subject, reported=yielded[id_])
                verdict, after = judge(subject, now)
                known = Judged(view=view, signs=signs, verdict=verdict, remembered=after)
            verdicts[id_], remembered[id_] = known.verdict, known.remembered
            if known.lasts:
                lasting[id_] = known
    return Judgement(
        verdicts=verdicts, remembered=remembered, policy=desired.policy, lasting=lasting
    )


def _signs(
    id_: str,
    observation: Observation,
    memory: Memory,
    yielded: Mapping[str, tuple[Evidence, ...]],
) -> Signs:
    return Signs(
        checks=observation.checks.get(id_),
        probe=observation.probes.get(id_),
        remembered=memory.health.get(id_),
        reported=yielded.get(id_),
        gaps=observation.gaps,
    )


def _of_the_unseen(observation: Observation, memory: Memory) -> dict[str, RememberedHealth]:
    """What is remembered of instances that are merely not shown: their timers do not run while we are blind."""
    return {
        id_: health
        for id_, health in memory.health.items()
        if id_ not in observation.instances
        and (known := memory.known.get(id_)) is not None
        and not known.ended
    }


def _subject(
    view: SlotView,
    instance: Instance,
    desired: DesiredState,
    observation: Observation,
    memory: Memory,
) -> Subject:
    fleet = view.fleet
    if fleet is None:
        raise ValueError(f"{view.ref} belongs to no declared fleet; released slots are not judged")
    spec, claims = fleet.health, tuple(_claim_sign(claim, instance) for claim in view.claims)
    if fleet.stateful and role_of(instance.tags) is Role.REPLACEMENT:
        # It gets its data, and may serve, only at its commit; until then its checks are all there is to it.
        spec, claims = replace(spec, probe=None), ()
    elif restored := restored_claims(view.claims, instance):
        spec = replace(
            spec, startup_grace=max(spec.startup_grace, _restore_grace(restored, instance))
        )
    checks, remembered = observation.checks.get(instance.id), memory.health.get(instance.id)
    touching = _touching(view, instance) if view.recent or view.busy else []
    return Subject(
        spec=spec,
        policy=desired.policy,
        instance=instance,
        checks=checks,
        probe=observation.probes.get(instance.id),
        claims=claims,
        remembered=remembered,
        restarted_at=_restarted_at(touching),
        stopped_by_us=_stopped_by_us(touching, remembered),
        blind=bool(observation.gaps)
        and _is_blind(instance, observation, claims, unchecked=checks is None),
    )


def _restore_grace(restored: Sequence[ClaimView], instance: Instance) -> timedelta:
    """How long a restored service may take: blocks come from S3 as they are touched, a base and a log are fetched from
    an archive and replayed (design section 7.4).
    """
    size_mib = sum(view.volume.size_gib for view in restored if view.volume) * 1024
    if Tag.RESTORE_FROM in instance.tags:
        return LEAST_REPLAY_GRACE + timedelta(seconds=size_mib / REPLAYED_MIB_S)
    filling = timedelta(seconds=size_mib / FILLED_MIB_S)
    return max(LEAST_RESTORE_GRACE, REPLAYED_WITHIN + filling)


def _is_blind(
    instance: Instance,
    observation: Observation,
    claims: tuple[ClaimSign, ...],
    *,
    unchecked: bool,
) -> bool:
    """A gap lies where its checks, or the volumes of its claims, would be seen."""
    if unchecked and observation.lacks(GapSubject.STATUS_CHECKS, instance.zone):
        return True
    unattached = any(not claim.attached for claim in claims)
    return unattached and observation.lacks(GapSubject.VOLUMES, instance.zone) is not None


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


def started_at(view: SlotView, instance: Instance) -> datetime:
    """The instance's last start: EC2's, or what counts as one by our doing."""
    restarted_at = _restarted_at(_touching(view, instance))
    return max(instance.launched_at, restarted_at or instance.launched_at)


def _touching(view: SlotView, instance: Instance) -> list[Intent]:
    """What we did to the instance lately, as far as it may have had an effect, in order."""
    intents = (
        intent
        for intent in (*view.recent, *view.busy)
        if intent.state not in WITHOUT_A_TRACE and _acts_on(intent, instance)
    )
    return sorted(intents, key=lambda intent: intent.begun_at)


def _acts_on(intent: Intent, instance: Instance) -> bool:
    request = intent.action.request
    if isinstance(request, AttachVolume):
        return request.instance_id == instance.id
    return target_of(request) == instance.id


def _restarted_at(touching: list[Intent]) -> datetime | None:
    """When we last rebooted or started it, made it the occupant, or gave it its data: its grace runs from there."""
    return max(
        (
            intent.begun_at
            for intent in touching
            if isinstance(intent.action.request, RebootInstance | StartInstance | AttachVolume)
            or (isinstance(intent.action.request, SetTags) and intent.action.request.commit)
        ),
        default=None,
    )


def _stopped_by_us(touching: list[Intent], remembered: RememberedHealth | None) -> bool:
    """Whether the last stop or start that we know of was our stop, and the instance was not healthy since."""
    moves = [
        intent
        for intent in touching
        if isinstance(intent.action.request, StopInstance | StartInstance)
    ]
    if not moves or not isinstance(moves[-1].action.request, StopInstance):
        return False
    healthy_until = _last_healthy(remembered)
    return healthy_until is None or moves[-1].updated_at >= healthy_until


def _last_healthy(remembered: RememberedHealth | None) -> datetime | None:
    """Until when it is known to have been healthy; None when that is not known."""
    if remembered is None or remembered.healthy_at is None:
        return None
    if remembered.status is Status.HEALTHY:
        return remembered.status_since
    return remembered.trouble_since
