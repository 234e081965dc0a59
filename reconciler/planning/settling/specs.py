"""What a launch is made from, and whether an instance of it ever proved itself (design section 7.1).

Pure: from tags, the journal and what is remembered of health.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from providers.observed import Instance, Observation
from providers.requests import LaunchInstance, SetTags
from reconciler.planning.blueprint import user_data_tag
from reconciler.planning.identity import Tag, in_service_since
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


class Proofs:
    """When each instance was first healthy, and since when each spec is proven; looked up when something asks.

    By what is remembered, by tags, and by what we wrote when an instance had proved itself.
    """

    def __init__(self, intents: Sequence[Intent], memory: Memory, observation: Observation) -> None:
        self._intents = intents
        self._memory = memory
        self._observation = observation
        self._asked: dict[tuple[Spec, datetime], bool] = {}

    def healthy_at(self, instance_id: str) -> datetime | None:
        """When it was first healthy; None when it is not known to have been."""
        remembered = self._memory.health.get(instance_id)
        shown = self._observation.instances.get(instance_id)
        dates = (
            self._journal[0].get(instance_id),
            remembered.healthy_at if remembered else None,
            in_service_since(shown.tags) if shown else None,
        )
        return min((date for date in dates if date is not None), default=None)

    def ended_at(self, instance_id: str) -> datetime | None:
        """When we ended it; None when we did not."""
        return self._journal[1].get(instance_id)

    def is_proven(self, spec: Spec, at: datetime) -> bool:
        """Whether an instance of it had been healthy for long enough by then."""
        if (spec, at) not in self._asked:
            self._asked[spec, at] = any(
                (since := self._proven_since(instance)) is not None and since <= at
                for instance in self._observation.instances.values()
                if instance.image == spec.image and Spec.of_instance(instance) == spec
            )
        return self._asked[spec, at]

    @cached_property
    def _journal(self) -> tuple[dict[str, datetime], dict[str, datetime]]:
        return _by_the_journal(self._intents)

    def _proven_since(self, instance: Instance) -> datetime | None:
        """Since when it had been healthy for long enough; None where it was not, or fell sick before."""
        healthy_at = self.healthy_at(instance.id)
        if healthy_at is None:
            return None
        proven_at = healthy_at + PROVEN_AFTER
        remembered = self._memory.health.get(instance.id)
        trouble = remembered.trouble_since if remembered else None
        if not instance.alive and trouble is None:
            trouble = instance.state_changed_at
        return None if trouble is not None and healthy_at <= trouble < proven_at else proven_at


def _by_the_journal(
    intents: Iterable[Intent],
) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """When each instance was written down as healthy, and when we ended it."""
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
