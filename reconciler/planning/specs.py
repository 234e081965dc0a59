"""What a launch is made from, and whether an instance of it ever proved itself (design section 7.1).

Pure: from tags, the journal and what is remembered of health.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from providers.observed import Instance, Observation
from providers.requests import LaunchInstance, SetTags
from reconciler.planning.blueprint import user_data_tag
from reconciler.planning.identity import Tag
from reconciler.planning.intents import WITHOUT_A_TRACE, Intent
from reconciler.planning.memory import Memory

PROVEN_AFTER = timedelta(minutes=15)
"""How long an instance must have been healthy before its spec counts as proven (design section 7.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What instances of a fleet boot: the same image and the same boot script come up, or fail to, alike.

    The type is no part of it: what an image needs of a type is said at once, by a refusal.
    """

    fleet: str
    image: str
    user_data: str | None
    """The value of our tag for the boot script."""

    @staticmethod
    def of_request(fleet: str, request: LaunchInstance) -> Spec:
        """What that launch is made from."""
        tag = user_data_tag(request.user_data_sha256)
        return Spec(fleet=fleet, image=request.image, user_data=tag)

    @staticmethod
    def of_instance(instance: Instance) -> Spec:
        """What that instance was made from."""
        return Spec(
            fleet=instance.tags.get(Tag.FLEET, ""),
            image=instance.image,
            user_data=instance.tags.get(Tag.USER_DATA),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """When each instance was first healthy, and since when each spec is proven. `ended_at` is when we ended one."""

    healthy_at: Mapping[str, datetime]
    proven_at: Mapping[Spec, datetime]
    ended_at: Mapping[str, datetime]

    def is_proven(self, spec: Spec, at: datetime) -> bool:
        """Whether an instance of it had been healthy for long enough by then."""
        known = self.proven_at.get(spec)
        return known is not None and known <= at


def proofs_of(intents: Iterable[Intent], memory: Memory, observation: Observation) -> Proofs:
    """By what is remembered, by tags, and by what we wrote when an instance had proved itself."""
    healthy, ended = _by_the_journal(intents)
    for id_, remembered in memory.health.items():
        if remembered.healthy_at is not None:
            healthy[id_] = min(remembered.healthy_at, healthy.get(id_, remembered.healthy_at))
    proven: dict[Spec, datetime] = {}
    for instance in observation.instances.values():
        dates = (_in_service_since(instance), healthy.get(instance.id))
        at = min((date for date in dates if date is not None), default=None)
        if at is None:
            continue
        healthy[instance.id] = at
        since = _proven_since(instance, at, memory)
        if since is not None:
            spec = Spec.of_instance(instance)
            proven[spec] = min(since, proven.get(spec, since))
    return Proofs(healthy_at=healthy, proven_at=proven, ended_at=ended)


def _by_the_journal(
    intents: Iterable[Intent],
) -> tuple[dict[str, datetime], dict[str, datetime]]:
    healthy: dict[str, datetime] = {}
    ended: dict[str, datetime] = {}
    for intent in intents:
        request = intent.action.request
        if intent.state in WITHOUT_A_TRACE:
            continue
        if request.kind == "terminate":
            ended.setdefault(intent.resource_id or "", intent.begun_at)
        elif isinstance(request, SetTags) and (
            request.commit or Tag.IN_SERVICE_SINCE.value in request.tags
        ):
            healthy.setdefault(request.resource_id, intent.begun_at)
    return healthy, ended


def _proven_since(instance: Instance, healthy_at: datetime, memory: Memory) -> datetime | None:
    """When it had been healthy for long enough; None where it fell sick before."""
    proven_at = healthy_at + PROVEN_AFTER
    remembered = memory.health.get(instance.id)
    trouble = remembered.trouble_since if remembered else None
    if not instance.alive and trouble is None:
        trouble = instance.state_changed_at
    return None if trouble is not None and healthy_at <= trouble < proven_at else proven_at


def _in_service_since(instance: Instance) -> datetime | None:
    written = instance.tags.get(Tag.IN_SERVICE_SINCE)
    if written is None:
        return None
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        return None
