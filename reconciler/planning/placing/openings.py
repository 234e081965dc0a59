"""What may be asked of a zone's control plane now: all where it works, one call at a time where it is tried again.

A call that tries a zone is real work, the first in the queue that needs it (design section 7.3). Pure.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from enum import IntEnum, auto

from providers.requests import (
    AttachVolume,
    CreateSnapshot,
    CreateSnapshots,
    LaunchInstance,
    Request,
    StartInstance,
)
from reconciler.health.capabilities import BreakerState, Capability, CapabilityKind
from reconciler.planning.actions import Gate, named_ids
from reconciler.planning.case import Case
from reconciler.planning.decision import Draft, LaunchWish
from reconciler.planning.refusal import Refusal


class Standing(IntEnum):
    """How well a zone would do for a launch now, the best first."""

    WORKS = auto()
    GROWING = auto()
    """It works, and its round has no room left."""
    TO_BE_TRIED = auto()
    OPEN = auto()


class Openings:
    """What this plan asks of each zone, draft by draft. Placement counts what it placed, the gate what goes ahead."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._asked: Counter[tuple[str, CapabilityKind]] = Counter()
        self._tried: Counter[CapabilityKind] = Counter()

    def standing(self, zone: str, wish: LaunchWish) -> tuple[Standing, datetime]:
        """How a zone would do for that wish, and when it may be tried where it does not work."""
        kinds = _kinds_of_launch(with_volumes=wish.with_volumes)
        worst = max((self._standing(zone, kind), kind) for kind in kinds)
        until = [self._case.capabilities.of(zone, kind).next_probe_at for kind in kinds]
        latest = max((at for at in until if at is not None), default=self._case.now)
        waits = worst[0] is Standing.OPEN
        return worst[0], max(latest, self._case.now) if waits else self._case.now

    def placed(self, zone: str, wish: LaunchWish) -> None:
        """A launch was placed there."""
        for kind in _kinds_of_launch(with_volumes=wish.with_volumes):
            self._count(zone, kind)

    def refusal(self, draft: Draft) -> Refusal | None:
        """Why the zone of a draft may not be asked for it now; None where it may."""
        zone, kinds = self._asks(draft.action.request)
        if zone is None:
            return None
        for kind in kinds:
            if self._standing(zone, kind) is Standing.OPEN:
                return self._refused(self._case.capabilities.of(zone, kind))
        return None

    def take(self, draft: Draft) -> None:
        """Count what goes ahead."""
        zone, kinds = self._asks(draft.action.request)
        if zone is not None:
            for kind in kinds:
                self._count(zone, kind)

    def _count(self, zone: str, kind: CapabilityKind) -> None:
        self._asked[zone, kind] += 1
        if not self._case.capabilities.works(zone, kind):
            self._tried[kind] += 1

    def _standing(self, zone: str, kind: CapabilityKind) -> Standing:
        capabilities, asked = self._case.capabilities, self._asked[zone, kind]
        known = capabilities.of(zone, kind)
        if known.state is BreakerState.CLOSED:
            full = known.level is not None and known.round_used + asked >= int(known.level)
            return Standing.GROWING if full else Standing.WORKS
        left = capabilities.probes_left.get(kind, 1) - self._tried[kind]
        due = known.next_probe_at is not None and self._case.now >= known.next_probe_at
        return Standing.TO_BE_TRIED if due and not asked and left > 0 else Standing.OPEN

    def _refused(self, known: Capability) -> Refusal:
        """Named with its evidence, and with when the zone is tried next; by something else, if that is first.

        While a call waits for its answer no date is known: what became of it is seen by looking, not by waiting.
        """
        rules, now = self._case.desired.policy.capabilities, self._case.now
        since = f" since {known.since:%H:%M}Z" if known.since else ""
        evidence = f" ({known.evidence[0]})" if known.evidence else ""
        reason = f"{known.kind} in {known.zone} does not work{since}: {known.reason}{evidence}"
        next_at = known.next_probe_at
        if rules is not None and next_at is not None and next_at <= now:
            next_at = now + rules.probes[0]
        return Refusal(gate=Gate.CAPABILITY, reason=reason, earliest_release=next_at)

    def _asks(self, request: Request) -> tuple[str | None, tuple[CapabilityKind, ...]]:
        match request:
            case LaunchInstance():
                return request.zone, _kinds_of_launch(with_volumes=bool(request.volumes))
            case StartInstance():
                return self._zone_of(request), (CapabilityKind.LAUNCH,)
            case AttachVolume():
                return self._zone_of(request), (CapabilityKind.VOLUME,)
            case CreateSnapshot() | CreateSnapshots():
                return self._zone_of(request), (CapabilityKind.SNAPSHOT,)
            case _:
                return None, ()

    def _zone_of(self, request: Request) -> str | None:
        observation = self._case.observation
        things = (
            observation.instances.get(id_) or observation.volumes.get(id_)
            for id_ in named_ids(request)
        )
        return next((thing.zone for thing in things if thing is not None), None)


def _kinds_of_launch(*, with_volumes: bool) -> tuple[CapabilityKind, ...]:
    if with_volumes:
        return CapabilityKind.LAUNCH, CapabilityKind.VOLUME
    return (CapabilityKind.LAUNCH,)
